import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntError } from '@entdb/base';
import { decodeResultRecord, val } from '@entdb/contracts';
import fc from 'fast-check';
import { op } from '../write/testing/log.ts';
import { openTenantWriter } from '../write/writer.ts';
import { packBatch, unpackBatch } from './packed-batch.ts';
import { behindFrom } from './known-tenant.ts';
import { tenantDir } from './tenant-folder.ts';
import {
  bytesOf,
  close,
  closeShards,
  damaged,
  digests,
  history,
  partition,
  shardAt,
  three,
  undisturbed,
} from './testing/volumes.ts';

/** Matches an error by its code. */
const refusal = (code: string): Error => expect.objectContaining({ code }) as Error;

/** Each test writes into a volume of its own. */
let dir = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shard-'));
});
afterEach(() => {
  closeShards();
  rmSync(dir, { recursive: true, force: true });
});

describe('a shard', () => {
  it('applies many tenants, tells the verdicts that were asked for, and goes on after a restart where it was', () => {
    const shard = shardAt(dir);
    const asking = bytesOf('tenant_0', 6, { operations: [op.create('asked', {})] }, 5);
    const told = shard.apply(partition, [...history(0, 6), asking]);
    expect(told).toMatchObject({ nextOffset: 7, states: [] });
    expect(told.touched).toEqual([
      { tenantId: 'tenant_0', offset: 6 },
      { tenantId: 'tenant_1', offset: 4 },
      { tenantId: 'tenant_2', offset: 5 },
    ]);
    expect(told.verdicts).toHaveLength(1);
    expect(told.verdicts[0]).toMatchObject({ partition: 5, tenantId: 'tenant_0' });
    const verdict = decodeResultRecord('tenant_0', told.verdicts[0]!.value);
    expect(verdict.askedAt).toMatchObject({ offset: 6n, partition });
    expect(verdict.verdict.case).toBe('resultJson');
    expect(shard.sync()).toMatchObject({ synced: 3, done: true });
    expect(shard.sync()).toMatchObject({ synced: 0, done: true });
    close(shard);
    expect(shardAt(dir).nextOffset(partition)).toBe(7);
  });

  it('repeats from its checkpoint after a crash without effect, and tells the same verdict again', () => {
    const asked = bytesOf('tenant_0', 3, { operations: [op.create('asked', {})] }, 2);
    const first = shardAt(dir);
    first.apply(partition, history(0, 3));
    first.sync();
    const before = first.apply(partition, [asked]).verdicts[0]!;
    close(first); // without a sync: the checkpoint is at 3
    const after = digests(dir, three);
    const second = shardAt(dir);
    expect(second.nextOffset(partition)).toBe(3);
    expect(
      Buffer.from(second.apply(partition, [asked]).verdicts[0]!.value).equals(before.value),
    ).toBe(true);
    close(second);
    expect(digests(dir, three)).toEqual(after);
  });

  it('refuses a gap, and applies nothing of it', () => {
    const shard = shardAt(dir);
    shard.apply(partition, history(0, 3));
    expect(() => shard.apply(partition, history(4, 6))).toThrow(refusal('LOG_GAP'));
    expect(shard.nextOffset(partition)).toBe(3);
  });

  it('holds any number of tenants with one handle', () => {
    const shard = shardAt(dir, { openTenantsMax: 1 });
    const records = history(0, 60);
    for (let i = 0; i < 60; i += 7) shard.apply(partition, records.slice(i, i + 7));
    shard.sync();
    close(shard);
    expect(digests(dir, three)).toEqual(undisturbed(records));
  });

  it('passes over a record under a key that can be no tenant, and makes no file for it', () => {
    const shard = shardAt(dir);
    const foreign = { ...history(0, 1)[0]!, key: '../evil', offset: 0 };
    expect(shard.apply(partition, [foreign])).toMatchObject({ nextOffset: 1, touched: [] });
    expect(existsSync(join(dir, 'tenants'))).toBe(false);
  });
});

describe('a tenant that cannot go on', () => {
  it('stands still alone, tells who waited, and loses nothing (P9, #15)', () => {
    const shard = shardAt(dir);
    const records = [...history(0, 4), damaged('tenant_1', 4), ...history(5, 12)];
    const told = shard.apply(partition, records);
    expect(told.nextOffset).toBe(12);
    expect(told.states).toEqual([
      {
        tenantId: 'tenant_1',
        partition,
        state: expect.objectContaining({
          kind: 'quarantined',
          fromOffset: 4,
          code: 'RECORD_CORRUPT',
        }),
      },
    ]);
    shard.sync();
    close(shard);
    const [zero, one, two] = digests(dir, three);
    expect([zero, two].map((text) => Number(text!.split(' ')[0]))).toEqual([9, 11]);
    expect(one!.split(' ')[0]).toBe('1');

    // A restart tries again, from the very record.
    const again = shardAt(dir);
    expect(again.tenants().find((tenant) => tenant.tenantId === 'tenant_1')?.state).toEqual(
      behindFrom(4),
    );
    const mended = records.map((record) =>
      record.offset === 4
        ? bytesOf('tenant_1', 4, { operations: [op.create('node-4', { 1: val.int(4) })] })
        : record,
    );
    const caughtUp = again.catchUp(
      { partition, tenantIds: ['tenant_1'], from: 4, next: 12 },
      mended.filter((record) => record.offset >= 4),
    );
    expect(caughtUp.states).toEqual([
      { tenantId: 'tenant_1', partition, state: { kind: 'active' } },
    ]);
    close(again);
    expect(digests(dir, three)).toEqual(undisturbed(mended));
  });

  it('tells a state that changed before the disk refused', () => {
    let refuse = true;
    const shard = shardAt(dir, {
      openWriter: (options) => {
        if (options.tenantId === 'tenant_2' && refuse)
          throw new EntError('STORE_UNAVAILABLE', 'disk full');
        return openTenantWriter(options);
      },
    });
    const records = [
      damaged('tenant_1', 0),
      ...history(1, 6).filter((record) => record.key !== 'tenant_1'),
    ].map((record, i) => ({ ...record, offset: i }));
    expect(() => shard.apply(partition, records)).toThrow(refusal('STORE_UNAVAILABLE'));
    refuse = false;
    expect(shard.apply(partition, records).states).toMatchObject([
      { tenantId: 'tenant_1', state: { kind: 'quarantined' } },
    ]);
  });
});

describe('files that are gone or not what they were', () => {
  it('rebuilds a tenant whose files were deleted; an empty file never takes its place', () => {
    const first = shardAt(dir);
    first.apply(partition, history(0, 9));
    first.sync();
    close(first);
    const before = digests(dir, three);
    rmSync(tenantDir(dir, 'tenant_1'), { recursive: true });
    const shard = shardAt(dir);
    const told = shard.apply(partition, history(9, 12));
    expect(told.states).toEqual([{ tenantId: 'tenant_1', partition, state: behindFrom(1) }]);
    expect(existsSync(tenantDir(dir, 'tenant_1'))).toBe(false);
    // In two steps, while the partition goes on.
    expect(
      shard.catchUp({ partition, tenantIds: ['tenant_1'], from: 1, next: 8 }, history(1, 8)).states,
    ).toEqual([]);
    shard.apply(partition, history(12, 15));
    expect(
      shard.catchUp({ partition, tenantIds: ['tenant_1'], from: 8, next: 15 }, history(8, 15))
        .states,
    ).toMatchObject([{ state: { kind: 'active' } }]);
    shard.apply(partition, history(15, 18));
    close(shard);
    expect(before).not.toEqual(digests(dir, three));
    expect(digests(dir, three)).toEqual(undisturbed(history(0, 18)));
  });

  it('rebuilds a tenant whose files vanish while they are closed, before any sync', () => {
    const shard = shardAt(dir, { openTenantsMax: 1 });
    shard.apply(partition, history(0, 3));
    rmSync(tenantDir(dir, 'tenant_0'), { recursive: true });
    expect(shard.apply(partition, history(3, 6)).states).toMatchObject([
      { tenantId: 'tenant_0', state: behindFrom(0) },
    ]);
  });

  it('notices files that are older than what was synced', () => {
    const first = shardAt(dir);
    first.apply(partition, history(0, 3));
    first.sync();
    close(first);
    const old = join(dir, 'old');
    cpSync(tenantDir(dir, 'tenant_1'), old, { recursive: true });
    const second = shardAt(dir);
    second.apply(partition, history(3, 6));
    second.sync();
    close(second);
    rmSync(tenantDir(dir, 'tenant_1'), { recursive: true });
    renameSync(old, tenantDir(dir, 'tenant_1'));
    const shard = shardAt(dir);
    expect(shard.apply(partition, history(6, 9)).states).toMatchObject([
      { tenantId: 'tenant_1', state: behindFrom(1) },
    ]);
    expect(readdirSync(join(dir, 'quarantine'))).toEqual(['tenant_1.1']);
  });

  it('moves files aside that a reader found damaged, and rebuilds', () => {
    const shard = shardAt(dir);
    shard.apply(partition, history(0, 6));
    const error = new EntError('STORE_CORRUPT', 'row does not match', { tenantId: 'tenant_0' });
    expect(shard.distrust('tenant_0', error).states).toMatchObject([
      { tenantId: 'tenant_0', state: behindFrom(0) },
    ]);
    // Told by a second reader as well: nothing more happens.
    expect(shard.distrust('tenant_0', error).states).toEqual([]);
    shard.catchUp({ partition, tenantIds: ['tenant_0'], from: 0, next: 6 }, history(0, 6));
    close(shard);
    expect(digests(dir, three)).toEqual(undisturbed(history(0, 6)));
  });

  it('notices that the volume was taken away', () => {
    const shard = shardAt(dir);
    shard.apply(partition, history(0, 3));
    shard.assertIntact();
    renameSync(join(dir, 'shard.db'), join(dir, 'elsewhere.db'));
    expect(() => shard.assertIntact()).toThrow(refusal('STORE_MISSING'));
  });

  it('refuses a volume that was made for another number of partitions (O8)', () => {
    close(shardAt(dir));
    expect(() => shardAt(dir, { partitions: 16 })).toThrow(refusal('TOPIC_MISMATCH'));
  });
});

describe('any history of batches, syncs, crashes and lost files', () => {
  it('ends in the same digests (P4)', () => {
    const records = history(0, 40);
    const expected = undisturbed(records);
    const step = fc.oneof(
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom('sync', 'restart', 'lose'),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const at = mkdtempSync(join(dir, 'run-'));
        let shard = shardAt(at);
        const apply = (count: number) => {
          const next = shard.nextOffset(partition);
          const batch = records.slice(next, next + count);
          if (batch.length > 0)
            shard.apply(partition, unpackBatch(packBatch('entdb-wal', partition, batch)));
          for (const { tenantId, state } of shard.tenants()) {
            const end = shard.nextOffset(partition);
            if (state.kind === 'behind')
              shard.catchUp(
                { partition, tenantIds: [tenantId], from: state.fromOffset, next: end },
                records.slice(state.fromOffset, end),
              );
          }
        };
        for (const taken of steps) {
          if (typeof taken === 'number') apply(taken);
          else if (taken === 'sync') shard.sync();
          else {
            close(shard);
            if (taken === 'lose')
              rmSync(tenantDir(at, 'tenant_2'), { recursive: true, force: true });
            shard = shardAt(at);
          }
        }
        while (shard.nextOffset(partition) < records.length) apply(10);
        close(shard);
        expect(digests(at, three)).toEqual(expected);
        rmSync(at, { recursive: true });
      }),
      { numRuns: 30 },
    );
  });
});
