/**
 * Carries the routes on Connect's protocol handlers: gRPC, gRPC-Web and Connect, over the compatibility interface of Node's
 * HTTP/1.1 and HTTP/2 servers. The only file that knows what those handlers ask for; a leaner path for hot unary calls may
 * stand beside it, on the same dispatcher.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type MethodImpl,
} from '@connectrpc/connect';
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import type { UniversalHandler, UniversalServerRequest } from '@connectrpc/connect/protocol';
import type { DescMethod, Message, Registry } from '@bufbuild/protobuf';
import { EntError, invariant, type Logger, startTimer } from '@entdb/base';
import type { Call, RpcProtocol } from '../call.ts';
import { parseConnectTimeout, parseGrpcTimeout } from '../deadline.ts';
import type { CallScope, Dispatcher } from '../dispatch.ts';
import type { RpcLimits } from '../limits.ts';
import type { Messages, Route } from '../router.ts';
import { RpcError } from '../rpc-error.ts';
import { exactJson, isJsonText } from './json-text.ts';
import { fromProtocolFault, refine, toConnectError, type ErrorOptions } from './errors.ts';

/** For both HTTP versions: Node's HTTP/2 offers the interface of HTTP/1.1. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

export interface AdapterOptions {
  readonly routes: readonly Route[];
  readonly dispatcher: Dispatcher;
  readonly limits: RpcLimits;
  readonly logger: Logger;
  /** Compression costs more than it saves inside a cluster: off unless asked for. */
  readonly gzip: boolean;
  readonly errorDetails: boolean;
  readonly anyTypes: Registry | undefined;
}

/** A call between its headers and its end. The context comes when the protocol layer has made one. */
interface OpenCall {
  readonly scope: CallScope;
  context: HandlerContext | undefined;
}

/** How long a caller may go on sending after it was answered. */
const restMs = 5000;

const openCallKey = createContextKey<OpenCall | undefined>(undefined);

export function createConnectListener(options: AdapterOptions): RequestListener {
  const { limits, dispatcher, logger, anyTypes } = options;
  const errors: ErrorOptions = { readBytesMax: limits.readBytesMax, details: options.errorDetails };
  const handlers = protocolHandlers();
  const routes = new Map(options.routes.map((route) => [route.path, route]));

  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const route = routes.get(path);
    const handler = handlers.get(path);
    if (!route || !handler) return answerUnknownPath(request, response, path);

    const universal = universalRequestOf(request, response);
    if (!universal) return void response.writeHead(400).end();
    const open = openCall(dispatcher, route, universal);
    const isText = isJsonText(universal.header);
    // Its length may change on the way to the handler, which refuses by this header only what is too long.
    if (isText && Number(universal.header.get('content-length')) <= limits.readBytesMax)
      universal.header.delete('content-length');
    response.once('finish', () => discardRest(request));
    response.once('close', () => open.scope.end());
    handler({
      ...universal,
      body: bounded(request, open, isText),
      contextValues: createContextValues().set(openCallKey, open),
    })
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((thrown: unknown) => {
        // Callers go away all the time, in the middle of an answer too: nothing to tell a person.
        const gone = universal.signal.aborted || ConnectError.from(thrown).code === Code.Aborted;
        if (gone) logger.debug({ err: thrown, method: path }, 'the caller went away');
        else logger.warn({ err: thrown, method: path }, 'an answer could not be written');
        response.destroy();
      });
  };

  function openCall(by: Dispatcher, route: Route, request: UniversalServerRequest): OpenCall {
    const protocol = protocolOf(request.header.get('content-type'));
    const named = protocol === 'connect' ? 'connect-timeout-ms' : 'grpc-timeout';
    const value = request.header.get(named) ?? undefined;
    // Kept from the protocol layer, whose timers overflow on long deadlines: the dispatcher keeps the time.
    const forHandler = new Headers(request.header);
    request.header.delete(named);
    const open: OpenCall = {
      context: undefined,
      scope: by.open({
        route,
        protocol,
        timeout: protocol === 'connect' ? parseConnectTimeout(value) : parseGrpcTimeout(value),
        header: (name) => forHandler.get(name) ?? undefined,
        headers: () => forHandler,
        appendHeader: (name, text) => open.context?.responseHeader.append(name, text),
        appendTrailer: (name, text) => open.context?.responseTrailer.append(name, text),
      }),
    };
    return open;
  }

  /**
   * The body, for no longer than the call's deadline: a caller that sends one byte an hour does not hold a call for ever. Who
   * stops reading early leaves the connection alone: destroying it would take the answer away with it.
   */
  function bounded(
    request: IncomingMessage,
    { scope }: OpenCall,
    isText: boolean,
  ): AsyncIterable<Uint8Array> {
    const chunks: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }),
    };
    const bytes = scope.requests(
      chunks,
      (thrown) => new EntError('CANCELED', 'the caller went away', { cause: thrown }),
    );
    return mapFaults(isText ? exactJson(bytes, limits.readBytesMax) : bytes, (thrown) =>
      toConnectError(thrown, errors),
    );
  }

  function answerUnknownPath(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ): void {
    const message = `${path} is not offered by this server`;
    request.resume();
    if (protocolOf(request.headers['content-type']) === 'connect') {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ code: 'unimplemented', message }));
    } else {
      const type = request.headers['content-type'] ?? 'application/grpc';
      response.writeHead(200, {
        'content-type': type,
        'grpc-status': String(Code.Unimplemented),
        'grpc-message': encodeURIComponent(message),
      });
      response.end();
    }
  }

  function protocolHandlers(): ReadonlyMap<string, UniversalHandler> {
    const router = createConnectRouter({
      readMaxBytes: limits.readBytesMax,
      writeMaxBytes: limits.writeBytesMax,
      acceptCompression: options.gzip ? [compressionGzip] : [],
      // A name that the contract does not have is a mistake: to pass over it would store less than was sent.
      jsonOptions: { ignoreUnknownFields: false, ...(anyTypes && { registry: anyTypes }) },
      requestGate: (context) => {
        const open = openOf(context);
        open.context = context;
        const { signal } = context;
        signal.addEventListener('abort', () => {
          if (signal.reason instanceof ConnectError)
            refine(signal.reason, open.scope.entered(), errors);
        });
        if (open.scope.refusal) throw toConnectError(open.scope.refusal, errors);
      },
    });
    for (const route of options.routes) registerRoute(router, route, errors);
    return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  }
}

type AnyAnswer = (request: unknown, call: Call) => Promise<object>;
type AnyStream = (request: unknown, call: Call) => AsyncIterable<object>;

/** Binds a handler to its method's kind. The casts are true by the types of `Router.service`. */
function registerRoute(
  router: ReturnType<typeof createConnectRouter>,
  route: Route,
  errors: ErrorOptions,
): void {
  const { method, handler } = route;
  const answer = (request: unknown, context: HandlerContext) => {
    const { scope } = openOf(context);
    return scope
      .answer((call) => (handler as unknown as AnyAnswer)(request, call))
      .catch((thrown: unknown) => {
        throw toConnectError(thrown, errors);
      });
  };
  const stream = (request: unknown, context: HandlerContext) => {
    const { scope } = openOf(context);
    return mapFaults(
      scope.stream((call) => (handler as unknown as AnyStream)(request, call)),
      (thrown) => toConnectError(thrown, errors),
    );
  };
  const messages = (requests: Messages, context: HandlerContext): AsyncIterable<Message> => {
    const { scope } = openOf(context);
    return scope.requests(requests, (thrown) =>
      thrown instanceof ConnectError ? requestFault(thrown) : thrown,
    );
  };
  const requestFault = (fault: ConnectError) =>
    fault.cause instanceof RpcError
      ? (fault.cause.cause ?? fault.cause)
      : fromProtocolFault(fault, false, errors);

  const byKind = {
    unary: answer,
    server_streaming: stream,
    client_streaming: (requests: Messages, context: HandlerContext) =>
      answer(messages(requests, context), context),
    bidi_streaming: (requests: Messages, context: HandlerContext) =>
      stream(messages(requests, context), context),
  } satisfies Record<DescMethod['methodKind'], unknown>;
  router.rpc(method, byKind[method.methodKind] as MethodImpl<DescMethod>);
}

function openOf(context: HandlerContext): OpenCall {
  const open = context.values.get(openCallKey);
  invariant(open, 'a call reaches its handler through the adapter only');
  return open;
}

async function* mapFaults<T>(
  source: AsyncIterable<T>,
  map: (thrown: unknown) => Error,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* source;
  } catch (error) {
    throw map(error);
  }
}

/**
 * What nobody reads any more of a request that was answered early. Without this the next request on the connection waits
 * behind it for ever; a caller that goes on sending is cut off.
 */
function discardRest(request: IncomingMessage): void {
  if (request.complete) return;
  request.removeAllListeners('readable');
  request.resume();
  request.once(
    'close',
    startTimer(restMs, () => request.destroy()),
  );
}

function protocolOf(contentType: string | null | undefined): RpcProtocol {
  if (contentType?.startsWith('application/grpc-web') === true) return 'grpc-web';
  return contentType?.startsWith('application/grpc') === true ? 'grpc' : 'connect';
}

/** Nothing for a request without an authority, which HTTP/1.0 allows and no RPC client sends. */
function universalRequestOf(
  request: IncomingMessage,
  response: ServerResponse,
): UniversalServerRequest | undefined {
  try {
    return universalRequestFromNodeRequest(request, response, undefined, undefined);
  } catch {
    return undefined;
  }
}
