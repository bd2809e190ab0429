import { parentPort, threadId } from 'node:worker_threads';
import { EntError, invariant } from '@entdb/base';
import { serveCalls } from './worker-call.ts';

export interface FixtureMethods {
  thread(): number;
  refuse(field: string): void;
  hang(): void;
  die(): void;
  /** From now on it cannot be closed in order. */
  stick(): void;
}

invariant(parentPort, 'runs in a worker thread');
let sticks = false;
serveCalls<FixtureMethods>(
  parentPort,
  {
    thread: async () => threadId,
    refuse: async (field) => {
      throw new EntError('INVALID_ARGUMENT', 'refused', { field, cause: new Error('the cause') });
    },
    hang: () => new Promise(() => {}),
    die: async () => {
      setImmediate(() => {
        throw new Error('the thread died');
      });
    },
    stick: async () => {
      sticks = true;
    },
  },
  () => {
    if (sticks) throw new Error('a file cannot be closed');
  },
);
