import { writeFileSync } from 'node:fs';

/** At which moment this process ends, and where it leaves word that it came there. */
export interface Doom {
  readonly moment: string;
  readonly times: number;
  readonly sign: string;
}

/** What a service is told that shall live on. */
export const spared = 'spared';

let doom = read(process.env['ENTDB_TEST_DOOM']);
let left = doom?.times ?? 0;

function read(text: string | undefined): Doom | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Doom); // written by the conductor
}

/** Lets the conductor tell this process at any time; a command is told by its environment instead. */
export function listenForDoom(): void {
  process.on('message', (told: Doom | typeof spared) => {
    doom = told === spared ? undefined : told;
    left = doom?.times ?? 0;
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
