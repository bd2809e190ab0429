import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../bench/contest.ts';
import { restoreInto, type ContestOptions } from './contests.ts';
import type { Place } from './stores.ts';
import { everything, runTool } from './tool.ts';

/** How long a small tenant takes: what somebody who needs it back waits. */
export interface SmallTenant {
  readonly megabytes: number;
  readonly recordsSince: number;
  /** Of `restoreTenant`, in a process that is warm. */
  readonly librarySeconds: readonly number[];
  /** Of `entdb restore`, from the start of its process to the end. */
  readonly commandSeconds: readonly number[];
}

export const secondsAim = 2;

export async function timeSmallTenant(
  options: ContestOptions,
  place: Place,
  rounds: number,
): Promise<SmallTenant> {
  const { tenantId, manifest, segments } = options.tenant;
  const librarySeconds: number[] = [];
  const commandSeconds: number[] = [];
  const inFolder = async (work: (folder: string) => Promise<number>): Promise<number> => {
    const folder = mkdtempSync(join(options.dir, 'small-'));
    try {
      return await work(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  for (let round = 0; round <= rounds; round += 1) {
    const library = await inFolder(async (folder) => {
      const started = performance.now();
      await restoreInto(options, folder);
      return (performance.now() - started) / 1000;
    });
    const command = await inFolder(async (folder) => {
      const words = ['restore', '--tenant-id', tenantId, ...everything];
      return (await runTool(place, [...words, '--output-dir', folder])).seconds;
    });
    if (round === 0) continue; // to warm up
    librarySeconds.push(library);
    commandSeconds.push(command);
  }
  return {
    megabytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6,
    recordsSince: (segments.at(-1)?.lastSequence ?? 0) - manifest.sequence,
    librarySeconds,
    commandSeconds,
  };
}

export function describeSmall(small: SmallTenant): string {
  const row = (name: string, seconds: readonly number[]) => {
    const met = median(seconds) < secondsAim ? 'met' : 'missed';
    const all = seconds.map((each) => each.toFixed(2)).join(' ');
    return `  ${name.padEnd(16)}${median(seconds).toFixed(2)} s  under ${secondsAim} s ${met}  ${all}\n`;
  };
  return [
    `a small tenant: ${small.megabytes.toFixed(1)} MB from a snapshot, and ${small.recordsSince} records of the archive after it\n`,
    row('restoreTenant', small.librarySeconds),
    row('entdb restore', small.commandSeconds),
  ].join('');
}
