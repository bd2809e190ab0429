import { fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { ErrorDetailSchema } from '@entdb/contracts';

/** An answer as it came over HTTP, for requests that no generated client would send. */
export interface WireAnswer {
  readonly http: number;
  /** The Connect code of an error: "invalid_argument". */
  readonly code: string | undefined;
  readonly detail: MessageShape<typeof ErrorDetailSchema> | undefined;
  readonly text: string;
}

/** A Connect call by plain HTTP/1.1 and JSON, its body sent as it is. */
export async function postJson(
  address: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<WireAnswer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(`${address}/entdb.v1.${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: raw ? (body as NonNullable<RequestInit['body']>) : JSON.stringify(body), // bytes and text are bodies
  });
  const text = await response.text();
  const error = response.ok ? undefined : errorIn(text);
  return { http: response.status, code: error?.code, detail: error?.detail, text };
}

interface ConnectErrorJson {
  readonly code: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

function errorIn(text: string) {
  const { code, details = [] } = JSON.parse(text) as ConnectErrorJson; // the protocol's shape of every error
  const ours = details.find(({ type }) => type === 'entdb.v1.ErrorDetail');
  const detail = ours && fromBinary(ErrorDetailSchema, Buffer.from(ours.value, 'base64'));
  return { code, detail };
}
