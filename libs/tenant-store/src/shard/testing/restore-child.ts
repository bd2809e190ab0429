import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isEntError, silentLogger } from '@entdb/base';
import { tenantId } from '../../write/testing/log.ts';
import { openTenantWriter } from '../../write/writer.ts';
import type { PlacedBytes } from '../records.ts';
import { openShard } from '../shard.ts';
import { adoptFor } from './restored-log.ts';

/** An applier's life with one tenant until it is killed: applies the log, adopts, installs, catches up. `argv`: volume, folder of the log and its states, batch size. */
const [volume, given, batch] = process.argv.slice(2);
const log = JSON.parse(readFileSync(join(given!, 'log.json'), 'utf8')) as readonly (Omit<
  PlacedBytes,
  'value'
> & { readonly value: string })[];
const records = log.map((record) => ({ ...record, value: Buffer.from(record.value, 'base64') }));
const partition = 3;
const shard = openShard({
  dir: volume!,
  topic: 'entdb-wal',
  partitions: 8,
  owned: [partition],
  openTenantsMax: 4,
  openWriter: openTenantWriter,
  logger: silentLogger,
});
const tell = (step: string) => process.send!(step);
const copyOf = (sequence: number) => join(given!, String(sequence));

/** True: the tenant has all there is. */
function step(): boolean {
  const next = shard.nextOffset(partition);
  if (next < records.length) {
    shard.apply(partition, records.slice(next, next + Number(batch)));
    if (next % 3 === 0) shard.sync();
  }
  const tenant = shard.tenants().find((one) => one.tenantId === tenantId);
  if (tenant?.state.kind !== 'behind') return shard.nextOffset(partition) >= records.length;
  const { fromOffset, needs } = tenant.state;
  const reached = shard.nextOffset(partition);
  if (needs.kind === 'records') {
    const more = records.slice(fromOffset, reached);
    shard.catchUp({ partition, tenantIds: [tenantId], from: fromOffset, next: reached }, more);
    return false;
  }
  try {
    adoptFor(shard, volume!, tenant, copyOf, tell);
  } catch (error) {
    if (!isEntError(error) || error.facts.metadata?.['folder'] !== 'current') throw error;
    tell('distrusting');
    shard.distrust(tenantId, error);
  }
  return false;
}

/** A turn of the event loop between two steps lets the messages out. */
function run(): void {
  if (!step()) return void setImmediate(run);
  shard.sync();
  shard.close();
  process.send!('done', () => process.disconnect());
}
tell('open');
run();
