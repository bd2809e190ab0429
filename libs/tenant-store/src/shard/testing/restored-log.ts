import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { decodeWalRecord, encodeWalRecord, val } from '@entdb/contracts';
import type { PlacedRecord } from '../../store.ts';
import { adoptRestored } from '../../transfer/adopt.ts';
import {
  createWorkplace,
  factsAt,
  materialise,
  restoredBody,
} from '../../transfer/testing/restores.ts';
import { delivery, op, recordAt, tenantId } from '../../write/testing/log.ts';
import type { PlacedBytes } from '../records.ts';
import type { KnownTenant } from '../known-tenant.ts';
import type { Shard } from '../shard-api.ts';
import { tenantDir } from '../tenant-folder.ts';

/** One tenant's log with restores in it, and copies of the files at each of its records. */
export interface RestoredLog {
  readonly records: readonly PlacedBytes[];
  /** A folder of the files after so many records; only to be copied. */
  copy(sequence: number): string;
  remove(): void;
}

/** Every `every`-th record brings the state back of five records before. */
export function restoredLog(records: number, every: number): RestoredLog {
  const work = createWorkplace();
  const dir = work.folder();
  const copies = new Map<number, string>();
  const log: PlacedRecord[] = [];
  const stateOf = (sequence: number) => {
    const copy = work.folder();
    cpSync(copies.get(sequence)!, copy, { recursive: true });
    return copy;
  };
  for (let offset = 0; offset < records; offset++) {
    const restores = offset > 0 && offset % every === 0;
    const placed = recordAt(
      offset,
      restores
        ? {
            body: restoredBody(
              factsAt(copies.get(Math.max(1, offset - 5))!),
              factsAt(dir).position.epoch,
            ),
          }
        : {
            operations: [
              op.create(
                `n${offset}`,
                { 1: val.int(offset) },
                { delivery: delivery(['u'], `snippet ${offset}`) },
              ),
              ...(offset % 4 === 3 ? [op.remove(`n${offset - 1}`)] : []),
            ],
          },
    );
    log.push(placed);
    materialise(dir, [[placed]], stateOf);
    const copy = work.folder();
    cpSync(dir, copy, { recursive: true });
    copies.set(offset + 1, copy);
  }
  return {
    records: log.map(({ offset, timeMs, record }) => ({
      key: tenantId,
      offset,
      timeMs,
      value: encodeWalRecord(record),
    })),
    copy: (sequence) => copies.get(sequence)!,
    remove: () => work.remove(),
  };
}

/** What an applier does for a tenant that waits for an adoption; the log helps where its files are gone. `tell` is called before each step. */
export function adoptFor(
  shard: Shard,
  volume: string,
  { tenantId: id, partition, state }: KnownTenant,
  copyOf: (sequence: number) => string,
  tell: (step: string) => void = () => {},
): void {
  if (state.kind !== 'behind' || state.needs.kind !== 'adoption') return;
  const { key, value, offset, timeMs } = state.needs.record;
  const record = decodeWalRecord(key, value);
  if (record.body.case !== 'tenantRestored') throw new Error('only a restore is adopted');
  const prepared = join(volume, 'prepared', id);
  rmSync(prepared, { recursive: true, force: true });
  tell('copying');
  cpSync(copyOf(Number(record.body.value.sequence)), prepared, { recursive: true });
  tell('adopting');
  const placed = { topic: 'entdb-wal', partition, offset, timeMs, record };
  adoptRestored({ tenantId: id, current: tenantDir(volume, id), restored: prepared, placed });
  tell('installing');
  shard.install({ tenantId: id, prepared });
  if (existsSync(prepared)) throw new Error('the prepared folder is in its place');
}
