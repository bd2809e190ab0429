/**
 * Listens to what the SDK says and hears, below it: the very requests that went out, and the very answers that came back. The
 * promise is about those, not about what the SDK makes of them.
 */
import { errorCodes } from '@entdb/base';
import { ConnectError, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { Connect } from '@entdb/client';
import {
  ErrorDetailSchema,
  type ErrorDetail,
  type ExecuteAtomicRequest,
  type ExecuteAtomicResponse,
  type ExecuteOutcome,
  type ExecuteStreamRequest,
  type ExecuteStreamResponse,
} from '@entdb/contracts';

/** All that was said about one key. */
export interface Heard {
  /** As it was sent first, whole: with its aliases. */
  readonly request: ExecuteAtomicRequest;
  /** How often it was sent, retries and broken streams included. */
  sends: number;
  readonly answers: ExecuteAtomicResponse[];
  /** Errors that have a place in the log and are final: verdicts. */
  readonly rejections: ErrorDetail[];
}

export interface Wiretap {
  readonly connect: Connect;
  of(tenantId: string, key: string): Heard | undefined;
}

export function createWiretap(): Wiretap {
  const heard = new Map<string, Heard>();
  const nameOf = (tenantId: string, key: string) => `${tenantId}/${key}`;

  const sent = (request: ExecuteAtomicRequest): Heard => {
    const name = nameOf(request.tenantId, request.idempotencyKey);
    const known = heard.get(name) ?? { request, sends: 0, answers: [], rejections: [] };
    heard.set(name, known);
    known.sends += 1;
    return known;
  };
  const rejected = (about: Heard, detail: ErrorDetail | undefined): void => {
    const final = detail && !errorCodes[detail.code as keyof typeof errorCodes].retriable; // all codes are ours
    if (detail?.position && final) about.rejections.push(detail);
  };
  const outcome = (about: Heard | undefined, answer: ExecuteOutcome['outcome'] | undefined) => {
    if (!about || !answer) return;
    if (answer.case === 'response') about.answers.push(answer.value);
    if (answer.case === 'error') rejected(about, answer.value);
  };

  const listen: Interceptor = (next) => async (request) => {
    if (request.stream) {
      if (request.method.name !== 'ExecuteStream') return next(request);
      const byId = new Map<bigint, Heard>();
      const message = tap(request.message as AsyncIterable<ExecuteStreamRequest>, (one) => {
        if (one.transaction) byId.set(one.id, sent(one.transaction));
      });
      const response = await next({ ...request, message });
      if (!response.stream) return response;
      const answers = tap(response.message as AsyncIterable<ExecuteStreamResponse>, (one) =>
        outcome(byId.get(one.id), one.outcome?.outcome),
      );
      return { ...response, message: answers };
    }
    if (request.method.name !== 'ExecuteAtomic') return next(request);
    const about = sent(request.message as ExecuteAtomicRequest);
    try {
      const response = await next(request);
      if (!response.stream) about.answers.push(response.message as ExecuteAtomicResponse);
      return response;
    } catch (error) {
      rejected(about, ConnectError.from(error).findDetails(ErrorDetailSchema)[0]);
      throw error;
    }
  };

  return {
    connect: (baseUrl) => {
      const sessionManager = new Http2SessionManager(baseUrl, {
        pingIntervalMs: 2_000,
        pingTimeoutMs: 2_000,
      });
      const transport = createConnectTransport({
        baseUrl,
        httpVersion: '2',
        sessionManager,
        acceptCompression: [],
        interceptors: [listen],
      });
      return { transport, close: () => sessionManager.abort() };
    },
    of: (tenantId, key) => heard.get(nameOf(tenantId, key)),
  };
}

async function* tap<T>(messages: AsyncIterable<T>, hear: (message: T) => void): AsyncGenerator<T> {
  for await (const message of messages) {
    hear(message);
    yield message;
  }
}
