/**
 * Many transactions in flight on one stream.
 *
 * - They are sent in the order in which they were submitted, at most `outstandingMax` of them without an answer.
 * - Each gets its own verdict, or the error that ends its own wait.
 * - When the stream breaks, all that have no answer are sent again on the next one, in the same order and with the same keys:
 *   what the server had already done it answers from its memory.
 *
 * Which verdicts are worth another try is not decided here.
 */
import { backoffMs, EntError, type Clock, type Rng } from '@entdb/base';
import {
  errorFromDetail,
  type ExecuteAtomicRequest,
  type ExecuteAtomicResponse,
  type ExecuteOutcome,
  type ExecuteStreamRequest,
  type ExecuteStreamResponse,
} from '@entdb/contracts';
import { unlessAborted } from '../fleet/budget.ts';
import { toEntError } from '../fleet/errors.ts';
import { retryInitialMs, retryMaxMs } from '../fleet/retry.ts';

export type OpenStream = (
  requests: AsyncIterable<ExecuteStreamRequest>,
  signal: AbortSignal,
) => AsyncIterable<ExecuteStreamResponse>;

export interface PipelineOptions {
  readonly open: OpenStream;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly outstandingMax: number;
  /** How long a stream without work is kept for the next one. */
  readonly lingerMs: number;
}

export interface Pipeline {
  /** Settles with the verdict, or with the signal's reason. */
  submit(request: ExecuteAtomicRequest, signal: AbortSignal): Promise<ExecuteAtomicResponse>;
  /** Ends the stream; what has no answer fails. */
  close(): void;
}

interface Entry {
  readonly id: bigint;
  readonly request: ExecuteAtomicRequest;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly resolve: (response: ExecuteAtomicResponse) => void;
  readonly reject: (error: EntError) => void;
}

export function createPipeline(options: PipelineOptions): Pipeline {
  const { open, clock, rng, outstandingMax, lingerMs } = options;
  const stop = new AbortController();
  let waiting: Entry[] = [];
  const sent = new Map<bigint, Entry>(); // in the order of sending
  let nextId = 1n;
  let running = false;
  let wake = (): void => {};

  /** The next entry that may be sent now, without those that nobody waits for. */
  const take = (): Entry | undefined => {
    if (sent.size >= outstandingMax) return undefined;
    waiting = waiting[0]?.signal.aborted
      ? waiting.filter(({ signal }) => !signal.aborted)
      : waiting;
    return waiting.shift();
  };

  /** The request side of one stream. Ends when there has been nothing to send and nothing to hear for a while. */
  async function* requests(over: AbortSignal): AsyncGenerator<ExecuteStreamRequest> {
    while (!over.aborted) {
      const entry = take();
      if (entry) {
        sent.set(entry.id, entry);
        yield {
          $typeName: 'entdb.v1.ExecuteStreamRequest',
          id: entry.id,
          transaction: entry.request,
        };
      } else if (!(await moreWork(over))) return;
    }
  }

  /** Whether something happened before the stream had been idle for too long. */
  async function moreWork(over: AbortSignal): Promise<boolean> {
    const timer = new AbortController();
    const woken = new Promise<true>((resolve) => {
      wake = () => resolve(true);
      over.addEventListener('abort', wake, { signal: timer.signal });
    });
    const idle =
      sent.size === 0
        ? [
            clock.sleep(lingerMs, timer.signal).then(
              () => false,
              () => false,
            ),
          ]
        : [];
    const more = await Promise.race([woken, ...idle]);
    timer.abort();
    return more;
  }

  const settle = ({ id, outcome }: ExecuteStreamResponse): void => {
    const entry = sent.get(id);
    if (!entry) throw new EntError('INTERNAL', `the server answered ${id}, which was not asked`);
    sent.delete(id);
    wake();
    try {
      entry.resolve(responseOf(outcome));
    } catch (error) {
      entry.reject(toEntError(error));
    }
  };

  /** Runs one stream to its end. Says how many verdicts it brought and why it ended. */
  async function runStream(): Promise<{ readonly verdicts: number; readonly error?: EntError }> {
    const broken = new AbortController();
    const signal = AbortSignal.any([stop.signal, broken.signal]);
    let verdicts = 0;
    try {
      for await (const response of open(requests(signal), signal)) {
        settle(response);
        verdicts++;
      }
      return { verdicts };
    } catch (thrown) {
      return { verdicts, error: toEntError(thrown) };
    } finally {
      broken.abort();
    }
  }

  /** Streams, one after the other, as long as there is work. */
  async function run(): Promise<void> {
    for (let failures = 0; waiting.length > 0; failures++) {
      const { verdicts, error } = await runStream();
      gatherUnanswered();
      if (stop.signal.aborted) return rejectAll(toEntError(stop.signal.reason));
      if (error && !error.retriable) return rejectAll(error);
      if (verdicts > 0) failures = 0;
      if (waiting.length > 0 && (error || verdicts === 0)) await pause(failures);
    }
  }

  /** What was sent comes before what was not: the order of submission. */
  function gatherUnanswered(): void {
    waiting = [...sent.values(), ...waiting].filter(({ signal }) => !signal.aborted);
    sent.clear();
  }

  async function pause(failures: number): Promise<void> {
    const ms = backoffMs(failures, { initialMs: retryInitialMs, maxMs: retryMaxMs, rng });
    await clock.sleep(ms, stop.signal).catch(() => {}); // closed meanwhile: the next stream ends at once
  }

  const rejectAll = (error: EntError): void => {
    const entries = waiting;
    waiting = [];
    for (const entry of entries) entry.reject(error);
  };

  const start = (): void => {
    if (running) return;
    running = true;
    run()
      .catch((thrown: unknown) => rejectAll(toEntError(thrown)))
      .finally(() => {
        running = false;
        if (waiting.length > 0) start(); // came in just as the last stream ended
      });
  };

  return {
    submit: (request, signal) => {
      if (stop.signal.aborted) return Promise.reject(toEntError(stop.signal.reason));
      const { promise, resolve, reject } = Promise.withResolvers<ExecuteAtomicResponse>();
      waiting.push({ id: nextId++, request, signal, resolve, reject });
      wake();
      start();
      return unlessAborted(promise, signal);
    },
    close: () => {
      const closed = new EntError('CANCELED', 'the client is closed');
      stop.abort(closed);
      gatherUnanswered();
      rejectAll(closed); // now, whatever the stream does
    },
  };
}

/** Throws the verdict where it is an error. */
export function responseOf(outcome: ExecuteOutcome | undefined): ExecuteAtomicResponse {
  const answer = outcome?.outcome;
  if (answer?.case === 'response') return answer.value;
  if (answer?.case === 'error') throw errorFromDetail(answer.value);
  throw new EntError(
    'INTERNAL',
    'the server sent an outcome of a kind that this program does not know',
    { hint: 'upgrade the client' },
  );
}
