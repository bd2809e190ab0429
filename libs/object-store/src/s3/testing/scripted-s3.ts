import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A request as the script sees it. */
export interface ScriptedRequest {
  /** PUT, GET, HEAD or DELETE of an object; LIST; or a step of an upload in parts. */
  readonly name:
    | 'PUT'
    | 'GET'
    | 'HEAD'
    | 'DELETE'
    | 'LIST'
    | 'BEGIN'
    | 'PART'
    | 'COMPLETE'
    | 'ABORT';
  readonly key: string;
}

/** What goes wrong with a request; without one it is served as S3 would. */
export type Trouble =
  | { readonly kind: 'status'; readonly status: number; readonly code: string }
  /** Taken, never answered. */
  | { readonly kind: 'hang' }
  /** Done, and the connection breaks before the answer. */
  | { readonly kind: 'answerLost' }
  /** The answer announces all and the connection breaks after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly bytes: number }
  /** The body falls silent after so many bytes, the connection stays. */
  | { readonly kind: 'silent'; readonly bytes: number }
  /** A write overwrites, whatever its condition. */
  | { readonly kind: 'unconditional' };

export interface ScriptedS3 {
  readonly endpoint: string;
  readonly bucket: string;
  readonly objects: ReadonlyMap<string, Buffer>;
  /** Every request in the order of arrival. */
  readonly seen: readonly ScriptedRequest[];
  /** Uploads in parts that were begun and neither completed nor aborted. */
  readonly openUploads: () => number;
  /** Writes an object as another process would. */
  put(key: string, body: Buffer): void;
  close(): Promise<void>;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly key: string;
  readonly body: Buffer;
  readonly trouble: Trouble | undefined;
}

/** As much of S3 as the adapter uses, in memory, atomic, and going wrong as the script says. Signatures are not checked. */
export async function startScriptedS3(
  script: (request: ScriptedRequest, times: number) => Trouble | undefined = () => undefined,
): Promise<ScriptedS3> {
  const bucket = 'scripted';
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const seen: ScriptedRequest[] = [];
  const sockets = new Set<Socket>();

  const create = ({ request, response, trouble, key }: Exchange, body: Buffer): boolean => {
    const refused =
      request.headers['if-none-match'] === '*' &&
      objects.has(key) &&
      trouble?.kind !== 'unconditional';
    if (refused) refuse(response, 412, 'PreconditionFailed');
    else objects.set(key, body);
    return !refused;
  };

  const actions: Record<ScriptedRequest['name'], (exchange: Exchange) => void> = {
    PUT: (exchange) => {
      const { request, response, body } = exchange;
      const sha256 = createHash('sha256').update(body).digest('base64');
      if (request.headers['x-amz-checksum-sha256'] !== sha256)
        return refuse(response, 400, 'BadDigest');
      if (create(exchange, body)) response.writeHead(200, { etag: '"e"' }).end();
    },
    GET: ({ request, response, key, trouble }) => {
      const stored = objects.get(key);
      if (!stored) return refuse(response, 404, 'NoSuchKey');
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (first !== undefined && Number(first) >= stored.length)
        return refuse(response, 416, 'InvalidRange');
      const body = first === undefined ? stored : stored.subarray(Number(first), Number(last) + 1);
      response.writeHead(first === undefined ? 200 : 206, { 'content-length': body.length });
      if (trouble?.kind === 'cut')
        response.write(body.subarray(0, trouble.bytes), () => response.destroy());
      else if (trouble?.kind === 'silent') response.write(body.subarray(0, trouble.bytes));
      else response.end(body);
    },
    HEAD: ({ response, key }) => {
      const stored = objects.get(key);
      response.writeHead(stored ? 200 : 404, stored && { 'content-length': stored.length }).end();
    },
    DELETE: ({ response, key }) => {
      objects.delete(key);
      response.writeHead(204).end();
    },
    LIST: ({ response, url }) => {
      const prefix = url.searchParams.get('prefix') ?? '';
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).toSorted();
      const contents = keys.map(
        (key) => `<Contents><Key>${key}</Key><Size>${objects.get(key)?.length}</Size></Contents>`,
      );
      xml(
        response,
        `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`,
      );
    },
    BEGIN: ({ response, key }) => {
      const id = randomUUID();
      uploads.set(id, new Map());
      xml(response, `<R><Bucket>${bucket}</Bucket><Key>${key}</Key><UploadId>${id}</UploadId></R>`);
    },
    PART: ({ response, url, body }) => {
      uploads.get(uploadOf(url))?.set(Number(url.searchParams.get('partNumber')), body);
      response.writeHead(200, { etag: '"e"' }).end();
    },
    COMPLETE: (exchange) => {
      const { response, url, key } = exchange;
      const parts = uploads.get(uploadOf(url));
      if (!parts) return refuse(response, 404, 'NoSuchUpload');
      const inOrder = [...parts].toSorted(([a], [b]) => a - b).map(([, body]) => body);
      if (!create(exchange, Buffer.concat(inOrder))) return;
      uploads.delete(uploadOf(url));
      xml(response, `<R><Key>${key}</Key><ETag>"e"</ETag></R>`);
    },
    ABORT: ({ response, url }) => {
      uploads.delete(uploadOf(url));
      response.writeHead(204).end();
    },
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const [, , ...parts] = url.pathname.split('/');
    const key = decodeURIComponent(parts.join('/'));
    const name = nameOf(request, url, key);
    const asked: ScriptedRequest = { name, key };
    seen.push(asked);
    const times = seen.filter((one) => one.name === name && one.key === key).length;
    const trouble = script(asked, times);
    const body = await buffer(request);
    if (trouble?.kind === 'hang') return;
    if (trouble?.kind === 'status') return refuse(response, trouble.status, trouble.code);
    if (trouble?.kind === 'answerLost') {
      // Served into the void: the deed is done, and the sender hears of a broken connection.
      const { socket } = request;
      response.write = () => true;
      response.end = () => response;
      response.writeHead = () => response;
      actions[name]({ request, response, url, key, body, trouble });
      socket.destroy();
      return;
    }
    actions[name]({ request, response, url, key, body, trouble });
  };

  const server: Server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy()); // an aborted request has no body to wait for
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // of a server that listens on a port
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    objects,
    seen,
    openUploads: () => uploads.size,
    put: (key, body) => void objects.set(key, body),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function nameOf({ method }: IncomingMessage, url: URL, key: string): ScriptedRequest['name'] {
  const part = url.searchParams.has('uploadId');
  if (method === 'POST') return part ? 'COMPLETE' : 'BEGIN';
  if (method === 'PUT') return part ? 'PART' : 'PUT';
  if (method === 'DELETE') return part ? 'ABORT' : 'DELETE';
  if (method === 'HEAD') return 'HEAD';
  return key === '' ? 'LIST' : 'GET';
}

function uploadOf(url: URL): string {
  return url.searchParams.get('uploadId') ?? '';
}

function xml(response: ServerResponse, body: string): void {
  response
    .writeHead(200, { 'content-type': 'application/xml' })
    .end(`<?xml version="1.0"?>${body}`);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>scripted</Message></Error>`);
}
