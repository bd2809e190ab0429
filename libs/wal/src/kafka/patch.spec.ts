/**
 * Holds the patch of kafkajs in deploy/patches to its promise: a connection with nothing to send sets no timer, and a
 * request that has to wait, for a throttle or for an in-flight slot, is still sent. Without the patch the queue wakes
 * itself for ever with a negative delay, hundreds of times a second for each connection.
 */
import { createRequire } from 'node:module';
import fc from 'fast-check';

interface RequestQueue {
  push(request: { entry: object; expectResponse: boolean; sendRequest: () => void }): void;
  fulfillRequest(response: { correlationId: number; payload: null; size: number }): void;
  maybeThrottle(clientSideThrottleTimeMs: number): void;
}

// kafkajs publishes no types for its insides; the interface above is what this spec uses of them.
const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  options: object,
) => RequestQueue;

function createQueue(maxInFlightRequests: number | null) {
  const sent: number[] = [];
  const quiet = () => undefined;
  const queue = new RequestQueue({
    maxInFlightRequests,
    requestTimeout: 30_000,
    enforceRequestTimeout: false,
    clientId: 'spec',
    broker: '127.0.0.1:1',
    logger: { debug: quiet, warn: quiet },
  });
  return {
    sent,
    push(correlationId: number): void {
      const entry = {
        correlationId,
        apiKey: 0,
        apiName: 'Produce',
        apiVersion: 7,
        resolve: quiet,
        reject: quiet,
      };
      queue.push({ entry, expectResponse: true, sendRequest: () => sent.push(correlationId) });
    },
    answer(correlationId: number): void {
      queue.fulfillRequest({ correlationId, payload: null, size: 0 });
    },
    throttle: (ms: number) => queue.maybeThrottle(ms),
  };
}

let delays: () => readonly (number | undefined)[];

beforeEach(() => {
  jest.useFakeTimers();
  const timer = jest.spyOn(globalThis, 'setTimeout');
  delays = () => timer.mock.calls.map(([, ms]) => ms);
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

it('a queue in which nothing waits sets no timer', () => {
  const queue = createQueue(null);
  queue.push(1);
  queue.answer(1);
  expect(queue.sent).toEqual([1]);
  expect(jest.getTimerCount()).toBe(0);
  expect(delays()).toEqual([]);
});

it('a request that waits for a slot is sent by the answer that frees one, and the timer stops', () => {
  const queue = createQueue(1);
  queue.push(1);
  queue.push(2);
  expect(queue.sent).toEqual([1]);
  queue.answer(1);
  expect(queue.sent).toEqual([1, 2]);
  queue.answer(2);
  jest.runAllTimers();
  expect(jest.getTimerCount()).toBe(0);
});

it('a throttled request is sent when the throttle ends, also when that is put off meanwhile', () => {
  const queue = createQueue(null);
  queue.throttle(100);
  queue.push(1);
  jest.advanceTimersByTime(50);
  queue.throttle(200);
  jest.advanceTimersByTime(199);
  expect(queue.sent).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(queue.sent).toEqual([1]);
  expect(jest.getTimerCount()).toBe(0);
});

it('a throttle that ends with nothing waiting leaves no timer', () => {
  const queue = createQueue(null);
  queue.push(1);
  queue.throttle(100);
  queue.answer(1);
  jest.advanceTimersByTime(101);
  expect(jest.getTimerCount()).toBe(0);
});

const step = fc.oneof(
  fc.constant({ kind: 'push' } as const),
  fc.constant({ kind: 'answer' } as const),
  fc.record({ kind: fc.constant('throttle' as const), ms: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 80 }) }),
);

it('whatever happens, each request is sent once, in order, every delay is positive, and the end is silent', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(null, 1, 2),
      (steps, maxInFlight) => {
        const queue = createQueue(maxInFlight);
        let pushed = 0;
        let answered = 0;
        const answerOldest = (): void => {
          const oldest = queue.sent[answered];
          if (oldest === undefined) return;
          answered += 1;
          queue.answer(oldest);
        };
        for (const next of steps) {
          switch (next.kind) {
            case 'push':
              pushed += 1;
              queue.push(pushed);
              break;
            case 'answer':
              answerOldest();
              break;
            case 'throttle':
              queue.throttle(next.ms);
              break;
            case 'pass':
              jest.advanceTimersByTime(next.ms);
              break;
          }
        }
        jest.advanceTimersByTime(1000);
        while (answered < queue.sent.length) answerOldest();
        jest.advanceTimersByTime(1000);

        expect(queue.sent).toEqual(Array.from({ length: pushed }, (_, index) => index + 1));
        expect(jest.getTimerCount()).toBe(0);
        expect(delays().filter((ms) => ms === undefined || ms <= 0)).toEqual([]);
      },
    ),
  );
});
