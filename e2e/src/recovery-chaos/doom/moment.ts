import { writeFileSync } from 'node:fs';
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

/** At which moment this process ends, and where it leaves word that it came there. */
export interface Doom {
  readonly moment: string;
  /** Counted by each thread for itself. */
  readonly times: number;
  readonly sign: string;
}

/** What a service is told that shall live on. */
export const spared = 'spared';
type Told = Doom | typeof spared;

const variable = 'ENTDB_TEST_DOOM';
let doom: Doom | undefined;
let left = 0;

function accept(told: Told): void {
  doom = told === spared ? undefined : told;
  left = doom?.times ?? 0;
}

/**
 * Lets the conductor tell this process at any time; a command is told by its environment instead. Work is done on threads, too: they hear it from the main one, and those that
 * are started later find it in the environment.
 */
export function listenForDoom(): void {
  const text = process.env[variable];
  if (text !== undefined) accept(JSON.parse(text) as Told); // written by the conductor
  const channel = new BroadcastChannel('entdb-test-doom');
  channel.unref();
  if (!isMainThread) {
    channel.onmessage = (event) => accept((event as { readonly data: Told }).data);
    return;
  }
  process.on('message', (told: Told) => {
    accept(told);
    process.env[variable] = JSON.stringify(told);
    channel.postMessage(told);
  });
  process.channel?.unref();
}

/** Told of every moment. SIGKILL leaves no time for anything: nothing is written, flushed or closed after it. */
export function reach(moment: string): void {
  if (!doom || doom.moment !== moment) return;
  left -= 1;
  if (left > 0) return;
  writeFileSync(doom.sign, moment);
  process.kill(process.pid, 'SIGKILL');
}
