import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Contender, Sample } from '../contest.ts';
import type { Job, RoundResult } from './protocol.ts';

/** A load in a process of its own, so that asking and answering do not share a thread. */
export interface LoadProcess {
  run(seconds: number): Promise<RoundResult>;
  close(): Promise<void>;
}

export async function startLoad(job: Job): Promise<LoadProcess> {
  const child = fork(new URL('./main.ts', import.meta.url).pathname, [JSON.stringify(job)]);
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the load ${job.kind} ended with ${String(code)}`);
  });
  failed.catch(() => {}); // told by the call that waits
  const message = async () => (await Promise.race([once(child, 'message'), failed]))[0] as unknown;
  await message();
  return {
    run: async (seconds) => {
      child.send(seconds);
      return (await message()) as RoundResult; // said by load/main.ts
    },
    close: async () => {
      const exited = once(child, 'exit');
      child.send('close');
      await exited;
    },
  };
}

export interface LoadedOptions {
  readonly aim?: number;
  /** Total processor seconds of the process that answers; by default those of the load itself. */
  readonly cpuSeconds?: () => Promise<number>;
  /** After each round: what it left behind must not weigh on the next. */
  readonly settle?: () => Promise<void>;
  /** Items that one count stands for, where it is not one. */
  readonly itemsPerCount?: number;
}

export function loaded(name: string, load: LoadProcess, options: LoadedOptions = {}): Contender {
  const { aim, cpuSeconds, settle, itemsPerCount = 1 } = options;
  return {
    name,
    ...(aim !== undefined && { aim }),
    round: async (seconds): Promise<Sample> => {
      const before = await cpuSeconds?.();
      const result = await load.run(seconds);
      const items = result.count * itemsPerCount;
      await settle?.();
      const after = await cpuSeconds?.();
      const cpu = before === undefined || after === undefined ? result.cpuSeconds : after - before;
      return {
        perSecond: items / result.seconds,
        cpuUs: (cpu * 1e6) / items,
        p50Ms: result.p50Ms,
        p99Ms: result.p99Ms,
      };
    },
  };
}
