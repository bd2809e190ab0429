/**
 * Between transports and handlers: admission, deadline, cancellation, error judgement and counting, the same for every
 * protocol. A transport opens a scope when the headers of a call are there, and answers or streams through it once the
 * request is.
 *
 * Promises: a call that was refused never reaches its handler. Every call ends by its deadline, whether its handler listens or
 * not. A place in flight is held until the handler has really ended. What a transport is given to write is an EntError or an RpcError, never a stranger.
 */
import { EntError, InvariantError, type Clock, type Logger, startTimer } from '@entdb/base';
import type { Metrics } from '@entdb/telemetry';
import type { Call, RpcProtocol } from './call.ts';
import { chooseTimeoutMs, type Timeout } from './deadline.ts';
import type { RpcLimits } from './limits.ts';
import type { Route } from './router.ts';
import { RpcError, toKnownError, toRpcError } from './rpc-error.ts';

/** What a transport knows of a call when its headers are there. */
export interface Incoming {
  readonly route: Route;
  readonly protocol: RpcProtocol;
  readonly timeout: Timeout;
  readonly header: (name: string) => string | undefined;
  readonly headers: () => Iterable<readonly [name: string, value: string]>;
  readonly appendHeader: (name: string, value: string) => void;
  readonly appendTrailer: (name: string, value: string) => void;
}

export interface CallScope {
  readonly call: Call;
  /** Why the call must not be taken, if so: known before a byte of the body is read. */
  readonly refusal: EntError | undefined;
  /** Whether the handler has been called: until then a malformed message is the caller's fault. */
  readonly entered: () => boolean;
  /** For calls with one response. */
  answer<T>(handle: (call: Call) => Promise<T>): Promise<T>;
  /** For calls with many. */
  stream<T>(handle: (call: Call) => AsyncIterable<T>): AsyncGenerator<T, void, undefined>;
  /** The messages of a request stream, ended by the call's signal. `judge` names the fault of a message that cannot be read. */
  requests<T>(
    source: AsyncIterable<T>,
    judge: (thrown: unknown) => unknown,
  ): AsyncGenerator<T, void, undefined>;
  /** To be called when the exchange has ended, in whatever way: a call still at work learns that its caller went away. */
  end(): void;
}

export interface Dispatcher {
  open(incoming: Incoming): CallScope;
  inFlight(): number;
}

export interface DispatcherOptions {
  readonly limits: RpcLimits;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Tells calls that the server's patience is at its end. */
  readonly shutdown: AbortSignal;
}

const retryWhenBusyMs = 100;
const secondsEdges = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 30,
];

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { limits, logger, metrics, clock, shutdown } = options;
  let inFlight = 0;
  metrics.gauge({
    name: 'rpc_in_flight',
    unit: 'count',
    sentence: 'Calls whose handler is at work.',
    read: () => inFlight,
  });
  const calls = metrics.counter({
    name: 'rpc_calls_total',
    unit: 'count',
    sentence: 'Calls that were answered, by outcome.',
    labels: ['method', 'code'],
  });
  const seconds = metrics.histogram({
    name: 'rpc_seconds',
    unit: 'seconds',
    sentence: 'Time from the headers of a unary call to its answer.',
    labels: ['method'],
    buckets: secondsEdges,
  });

  const limitsOf = (route: Route) =>
    route.method.methodKind === 'unary'
      ? { defaultMs: limits.deadlineDefaultMs, maxMs: limits.deadlineMaxMs }
      : { defaultMs: limits.streamDeadlineMaxMs, maxMs: limits.streamDeadlineMaxMs };

  const judge = (route: Route, thrown: unknown): EntError | RpcError => {
    if (thrown instanceof InvariantError) {
      logger.error({ err: thrown, method: route.path }, 'an invariant is broken');
      // A broken promise of our own stops the process: it is thrown where nobody catches it.
      setImmediate(() => {
        throw thrown;
      });
    } else if (isUnforeseen(thrown))
      logger.error({ err: thrown, method: route.path }, 'a call failed');
    return toKnownError(thrown);
  };

  const open = (incoming: Incoming): CallScope => {
    const { route } = incoming;
    const method = route.path.slice(1);
    const started = clock.monotonic();
    const timeoutMs = chooseTimeoutMs(incoming.timeout, limitsOf(route));
    const allowedMs = timeoutMs instanceof EntError ? 0 : timeoutMs;
    const deadline = started + allowedMs;
    const controller = new AbortController();
    const { signal } = controller;

    const onDeadline = () =>
      controller.abort(new EntError('DEADLINE_EXCEEDED', `the deadline of ${allowedMs} ms passed`));
    const onShutdown = () =>
      controller.abort(
        new EntError('SHUTTING_DOWN', 'the server is stopping', {
          retryAfterMs: 1000,
          hint: 'call again; another instance answers',
        }),
      );
    const stopTimer = startTimer(allowedMs, onDeadline);
    // Passed already: no handler shall start before the timer has had its turn.
    if (allowedMs === 0) onDeadline();
    let settled = false;
    const settle = () => {
      settled = true;
      stopTimer();
      shutdown.removeEventListener('abort', onShutdown);
    };
    shutdown.addEventListener('abort', onShutdown, { once: true });
    if (shutdown.aborted) onShutdown();

    const refusal = (): EntError | undefined => {
      if (timeoutMs instanceof EntError) return timeoutMs;
      if (!route.handler)
        return new EntError('UNIMPLEMENTED', `${method} is not offered by this server`);
      if (!route.limited || inFlight < limits.inFlightMax) return undefined;
      return new EntError(
        'RESOURCE_EXHAUSTED',
        `${inFlight} calls are in flight, which is the limit`,
        {
          retryAfterMs: retryWhenBusyMs,
          hint: 'wait and call again, or spread the calls over more instances',
        },
      );
    };

    const call: Call = {
      method,
      protocol: incoming.protocol,
      signal,
      deadline,
      remainingMs: () => Math.max(0, deadline - clock.monotonic()),
      header: incoming.header,
      headers: incoming.headers,
      appendHeader: incoming.appendHeader,
      appendTrailer: incoming.appendTrailer,
    };

    let entered = false;
    const enter = () => {
      // Judged again: the place that was free when the headers came may be taken now that the body is here.
      const refused = refusal();
      if (refused) throw refused;
      if (signal.aborted) throw signal.reason;
      entered = true;
      inFlight += 1;
    };
    const leave = () => {
      inFlight -= 1;
    };
    const count = (thrown?: unknown) => calls.add(1, { method, code: codeOf(thrown) });

    return {
      call,
      refusal: refusal(),
      entered: () => entered,
      end: () => {
        if (!settled) controller.abort(new EntError('CANCELED', 'the caller went away'));
        settle();
      },
      answer: async (handle) => {
        try {
          enter();
          const work = run(() => handle(call)).finally(leave);
          const answer = await beforeAbort(work, signal, isPatient);
          count();
          return answer;
        } catch (error) {
          const reason = reasonOf(error, signal);
          count(reason);
          throw judge(route, reason);
        } finally {
          settle();
          if (route.method.methodKind === 'unary')
            seconds.observe((clock.monotonic() - started) / 1000, { method });
        }
      },
      async *stream(handle) {
        let source: AsyncIterator<unknown> | undefined;
        try {
          enter();
          try {
            source = handle(call)[Symbol.asyncIterator]();
          } catch (error) {
            leave();
            throw error;
          }
          for (;;) {
            const next = await beforeAbort(
              source.next() as Promise<IteratorResult<never>>,
              signal,
              isPatient,
            );
            if (next.done === true) break;
            yield next.value;
          }
          count();
        } catch (error) {
          const reason = reasonOf(error, signal);
          count(reason);
          throw judge(route, reason);
        } finally {
          settle();
          // Not awaited: a generator that waits for something deaf would hold the answer back with it.
          if (source) void run(async () => source?.return?.()).then(leave, leave);
        }
      },
      async *requests(source, judgeInput) {
        const iterator = source[Symbol.asyncIterator]();
        try {
          for (;;) {
            const next = await beforeAbort(
              iterator.next().catch((thrown: unknown) => {
                throw judgeInput(thrown);
              }),
              signal,
            );
            if (next.done === true) return;
            yield next.value;
          }
        } finally {
          void run(async () => iterator.return?.()).catch(() => undefined);
        }
      },
    };
  };
  return { open, inFlight: () => inFlight };
}

/** What a person has to look at: neither a refusal nor a status that the handler chose. */
const isUnforeseen = (thrown: unknown): boolean =>
  thrown instanceof EntError
    ? thrown.status === 'internal' || thrown.status === 'data_loss'
    : !(thrown instanceof RpcError);

/** A wait that was given the signal throws an AbortError of its own; the reason is what the caller must hear. */
const reasonOf = (thrown: unknown, signal: AbortSignal): unknown =>
  signal.aborted && thrown instanceof Error && thrown.name === 'AbortError'
    ? signal.reason
    : thrown;

const codeOf = (thrown: unknown): string =>
  thrown === undefined
    ? 'OK'
    : thrown instanceof EntError
      ? thrown.code
      : toRpcError(thrown).status.toUpperCase();

/** A handler that throws before it returns its promise fails like one that rejects. */
const run = async <T>(work: () => T | Promise<T>): Promise<T> => await work();

/** On shutdown a handler is told by its signal and ends in its own words: only it knows whether a write is on its way. Deadline and cancellation wait for nobody. */
const isPatient = (reason: unknown): boolean =>
  reason instanceof EntError && reason.code === 'SHUTTING_DOWN';

/** The outcome of the work, or the signal's reason if that comes first. What the work does afterwards is not heard. */
function beforeAbort<T>(
  work: Promise<T>,
  signal: AbortSignal,
  waitsFor: (reason: unknown) => boolean = () => false,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      if (!waitsFor(signal.reason)) reject(signal.reason);
    };
    const done = () => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.finally(done).then(resolve, reject);
  });
}
