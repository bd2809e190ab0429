import type { Wal } from '@entdb/wal';
import { walTopic } from '@entdb/wal';
import type { ArchiveLag } from './partition-archive.ts';

/** How much of a partition the log keeps; Infinity where nothing bounds it. */
export interface Retention {
  readonly ms: number;
  readonly bytes: number;
}

/** As the topic's settings say; `expectedMs` where the log does not say it. Kafka's -1 is for ever. */
export async function readRetention(
  wal: Pick<Wal, 'describeTopic'>,
  expectedMs: number,
): Promise<Retention> {
  const config = (await wal.describeTopic(walTopic))?.config ?? {};
  const of = (name: string, otherwise: number): number => {
    const stated = config[name];
    const value = stated === undefined ? otherwise : Number(stated);
    return value < 0 ? Infinity : value;
  };
  return { ms: of('retention.ms', expectedMs), bytes: of('retention.bytes', Infinity) };
}

/**
 * How near the log is to losing what is not archived: the age of the oldest such record, by how long the log keeps one; and the bytes from it to the end, by
 * how many the log keeps. 0: all is archived; from 1 on the log may lose it at any moment.
 */
export interface Exposure {
  readonly age: number;
  readonly bytes: number;
}

export function exposureOf(lag: ArchiveLag, retention: Retention): Exposure {
  return { age: share(lag.ageMs, retention.ms), bytes: share(lag.bytes, retention.bytes) };
}

/** Nothing is no share of nothing. */
const share = (part: number, whole: number): number => (part === 0 ? 0 : part / whole);

/** From this share on somebody must be told, for there is as much time left as has passed. */
export const exposureWarned = 0.5;

/** What to tell, if anything. */
export function exposureTrouble({ age, bytes }: Exposure): string | undefined {
  if (Math.max(age, bytes) < exposureWarned) return undefined;
  const percent = (ratio: number) => `${Math.floor(Math.min(ratio, 9.99) * 100)} %`;
  const what =
    age >= bytes
      ? `the oldest record that is not archived has reached ${percent(age)} of the age`
      : `what is not archived comes to ${percent(bytes)} of the bytes`;
  return `${what} at which the log forgets: at 100 % it may be lost to the archive`;
}
