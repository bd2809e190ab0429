import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntError, isEntError } from '@entdb/base';
import { decodeResultRecord, decodeWalRecord, encodeWalRecord } from '@entdb/contracts';
import * as fc from 'fast-check';
import { op, tenantId } from '../write/testing/log.ts';
import { dump, tenantDirAt } from '../write/testing/tenant-dir.ts';
import { openTenantWriter } from '../write/writer.ts';
import type { PlacedBytes } from './records.ts';
import { behindFrom, type KnownTenant } from './known-tenant.ts';
import type { Shard } from './shard-api.ts';
import { tenantDir } from './tenant-folder.ts';
import { adoptFor, restoredLog, type RestoredLog } from './testing/restored-log.ts';
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

/** Files that were made elsewhere: for restores in place, and where the log no longer reaches back. */
const refusal = (code: string): Error => expect.objectContaining({ code }) as Error;

let dir = '';
let volume = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shard-install-'));
  volume = join(dir, 'volume');
});
afterEach(() => {
  closeShards();
  rmSync(dir, { recursive: true, force: true });
});

const known = (shard: Shard, id = tenantId): KnownTenant => {
  const tenant = shard.tenants().find((one) => one.tenantId === id);
  if (!tenant) throw new Error(`${id} is not known`);
  return tenant;
};
const stateOf = (shard: Shard, id = tenantId) => known(shard, id).state;

describe('a restore in place', () => {
  let log: RestoredLog;
  beforeAll(() => {
    log = restoredLog(12, 7); // record 7 restores record 2
  });
  afterAll(() => log.remove());
  const copyOf = (sequence: number) => log.copy(sequence);
  const expectedAt = (sequence: number) => {
    const at = join(dir, 'expected');
    cpSync(log.copy(sequence), tenantDir(at, tenantId), { recursive: true });
    const [text] = digests(at, [tenantId]);
    rmSync(at, { recursive: true });
    return text;
  };

  it('stops its tenant alone, survives a restart, and goes on with the files that were installed', () => {
    const first = shardAt(volume);
    const [before, after] = [log.records.slice(0, 5), log.records.slice(5)];
    first.apply(partition, before);
    const told = first.apply(partition, after);
    const record = log.records[7]!;
    const needs = { kind: 'adoption', record: { ...record, value: Buffer.from(record.value) } };
    const waiting = { kind: 'behind', fromOffset: 7, needs };
    expect(told).toMatchObject({ nextOffset: 12, touched: [{ tenantId, offset: 6 }] });
    expect(told.states).toEqual([{ tenantId, partition, state: waiting }]);
    // What comes meanwhile stays in the log, and catching up waits, too.
    const step = { partition, tenantIds: [tenantId], from: 7, next: 12 };
    expect(first.catchUp(step, log.records.slice(7))).toMatchObject({ states: [], touched: [] });
    expect(first.sync()).toMatchObject({ done: true });
    close(first);

    const second = shardAt(volume);
    expect(stateOf(second)).toEqual(waiting);
    adoptFor(second, volume, known(second), copyOf);
    expect(stateOf(second)).toEqual(behindFrom(8));
    expect(readdirSync(join(volume, 'replaced'))).toEqual([]);
    const caughtUp = second.catchUp({ ...step, from: 8 }, log.records.slice(8));
    expect(caughtUp.states).toMatchObject([{ tenantId, state: { kind: 'active' } }]);
    close(second);
    expect(digests(volume, [tenantId])).toEqual([expectedAt(12)]);
  });

  it('is active at once where nothing came after it, and tells its verdict to who asked', () => {
    const shard = shardAt(volume);
    const asking = log.records.slice(0, 8).map((record) => asked(record, 2));
    expect(shard.apply(partition, asking).verdicts).toHaveLength(7);
    const prepared = join(dir, 'prepared');
    const { state } = known(shard);
    if (state.kind !== 'behind' || state.needs.kind !== 'adoption') throw new Error('it waits');
    cpSync(log.copy(8), prepared, { recursive: true });
    const told = shard.install({ tenantId, prepared });
    expect(told).toMatchObject({
      touched: [{ tenantId, offset: 7 }],
      verdicts: [{ partition: 2 }],
    });
    expect(told.states.map((change) => change.state.kind)).toEqual(['behind', 'active']);
    const verdict = decodeResultRecord(tenantId, told.verdicts[0]!.value);
    expect(verdict).toMatchObject({ askedAt: { offset: 7n }, verdict: { case: 'resultJson' } });
    expect(shard.apply(partition, log.records.slice(8)).touched).toEqual([
      { tenantId, offset: 11 },
    ]);
  });

  it.each(['the folder', 'the files'])(
    'is finished by a second call where the disk refused %s',
    (what) => {
      let refuse = what === 'the files';
      const shard = shardAt(volume, {
        openWriter: (options) => {
          const writer = openTenantWriter(options);
          const sync = () => {
            const cause = Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
            if (refuse) throw new EntError('STORE_UNAVAILABLE', 'cannot be synced', { cause });
            return writer.sync();
          };
          return Object.create(writer, { sync: { value: sync } }) as typeof writer;
        },
      });
      shard.apply(
        partition,
        log.records.slice(0, 8).map((record) => asked(record, 2)),
      );
      const prepared = join(dir, 'prepared');
      cpSync(log.copy(8), prepared, { recursive: true });
      const inTheWay = join(volume, 'replaced');
      if (!refuse) writeFileSync(inTheWay, '');
      expect(() => shard.install({ tenantId, prepared })).toThrow(refusal('STORE_UNAVAILABLE'));
      expect(existsSync(prepared)).toBe(!refuse);
      refuse = false;
      if (what === 'the folder') rmSync(inTheWay);
      const told = shard.install({ tenantId, prepared });
      expect(told.verdicts).toHaveLength(1);
      expect(told.states.at(-1)).toMatchObject({ state: { kind: 'active' } });
      close(shard);
      expect(digests(volume, [tenantId])).toEqual([expectedAt(8)]);
    },
  );

  it('takes no files from before it, and is rebuilt where its own turn out damaged', () => {
    const shard = shardAt(volume);
    shard.apply(partition, log.records);
    const prepared = join(dir, 'prepared');
    cpSync(log.copy(7), prepared, { recursive: true });
    expect(() => shard.install({ tenantId, prepared })).toThrow(refusal('INVALID_POSITION'));
    expect(stateOf(shard)).toMatchObject({ fromOffset: 7, needs: { kind: 'adoption' } });
    const error = new EntError('STORE_CORRUPT', 'a row does not match');
    expect(shard.distrust(tenantId, error).states).toMatchObject([{ state: behindFrom(0) }]);
    expect(shard.distrust(tenantId, error).states).toEqual([]);
    const step = { partition, tenantIds: [tenantId], from: 0, next: 12 };
    expect(shard.catchUp(step, log.records).states).toMatchObject([
      { state: { fromOffset: 7, needs: { kind: 'adoption' } } },
    ]);
    adoptFor(shard, volume, known(shard), copyOf);
    shard.catchUp({ ...step, from: 8 }, log.records.slice(8));
    close(shard);
    expect(digests(volume, [tenantId])).toEqual([expectedAt(12)]);
  });

  it('ends in the same rows after any history of batches, syncs, restarts and lost files', () => {
    const long = restoredLog(22, 4);
    const expected = dump(tenantDirAt(long.copy(22)));
    const step = fc.oneof(
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom('relieve', 'sync', 'restart', 'lose'),
    );
    /** Whatever the tenant waits for. */
    const relieve = (shard: Shard, at: string) => {
      const tenant = shard.tenants().find((one) => one.tenantId === tenantId);
      if (tenant?.state.kind !== 'behind') return false;
      const { fromOffset: from, needs } = tenant.state;
      const next = shard.nextOffset(partition);
      if (needs.kind === 'records')
        shard.catchUp(
          { partition, tenantIds: [tenantId], from, next },
          long.records.slice(from, next),
        );
      else
        try {
          adoptFor(shard, at, tenant, (sequence) => long.copy(sequence));
        } catch (error) {
          if (!isEntError(error) || error.facts.metadata?.['folder'] !== 'current') throw error;
          shard.distrust(tenantId, error);
        }
      return true;
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (taken) => {
        const at = mkdtempSync(join(dir, 'run-'));
        let shard = shardAt(at);
        const apply = (count: number) => {
          const next = shard.nextOffset(partition);
          const batch = long.records.slice(next, next + count);
          if (batch.length > 0) shard.apply(partition, batch);
        };
        for (const one of taken) {
          if (typeof one === 'number') apply(one);
          else if (one === 'relieve') relieve(shard, at);
          else if (one === 'sync') shard.sync();
          else {
            close(shard);
            if (one === 'lose') rmSync(tenantDir(at, tenantId), { recursive: true, force: true });
            shard = shardAt(at);
          }
        }
        while (shard.nextOffset(partition) < 22) apply(7);
        while (relieve(shard, at));
        close(shard);
        expect(dump(tenantDirAt(tenantDir(at, tenantId)))).toEqual(expected);
        rmSync(at, { recursive: true });
      }),
      { numRuns: Number(process.env['ENTDB_PROPERTY_RUNS'] ?? 15) },
    );
    long.remove();
  }, 120_000);

  it('is met again after a quarantine and a restart', () => {
    const first = shardAt(volume);
    first.apply(partition, log.records);
    first.quarantine(tenantId, new EntError('RESTORE_DIGEST_MISMATCH', 'no files of that state'));
    close(first);
    const second = shardAt(volume);
    expect(stateOf(second)).toEqual(behindFrom(7));
    const step = { partition, tenantIds: [tenantId], from: 7, next: 12 };
    expect(second.catchUp(step, log.records.slice(7)).states).toMatchObject([
      { state: { needs: { kind: 'adoption' } } },
    ]);
  });
});

/** The record, asking for its verdict. */
function asked(record: PlacedBytes, results: number): PlacedBytes {
  const decoded = decodeWalRecord(record.key, record.value);
  return {
    ...record,
    value: encodeWalRecord({
      ...decoded,
      results: { $typeName: 'entdb.v1.ResultsAddress', partition: results },
    }),
  };
}

/** The files that an undisturbed volume has after these records. */
function preparedFrom(records: readonly PlacedBytes[], id: string): string {
  const made = mkdtempSync(join(dir, 'made-'));
  const shard = shardAt(made);
  shard.apply(partition, records);
  close(shard);
  return tenantDir(made, id);
}

describe('files made elsewhere', () => {
  it('take the place of files that are gone, and the tenant goes on from the log after them', () => {
    const shard = shardAt(volume);
    shard.apply(partition, history(0, 9));
    shard.distrust('tenant_1', new EntError('STORE_CORRUPT', 'damaged'));
    const prepared = preparedFrom(history(0, 6), 'tenant_1');
    expect(shard.install({ tenantId: 'tenant_1', prepared }).states).toMatchObject([
      { state: behindFrom(5) },
    ]);
    expect(existsSync(prepared)).toBe(false);
    shard.catchUp({ partition, tenantIds: ['tenant_1'], from: 5, next: 9 }, history(5, 9));
    shard.apply(partition, history(9, 12));
    close(shard);
    expect(digests(volume, three)).toEqual(undisturbed(history(0, 12)));
  });

  it('end the wait at once where the archive shows that nothing is missing', () => {
    const shard = shardAt(volume);
    shard.apply(partition, history(0, 9));
    shard.distrust('tenant_1', new EntError('STORE_CORRUPT', 'damaged'));
    const prepared = preparedFrom(history(0, 9), 'tenant_1');
    const told = shard.install({ tenantId: 'tenant_1', prepared, fromOffset: 9 });
    expect(told.states.at(-1)).toEqual({
      tenantId: 'tenant_1',
      partition,
      state: { kind: 'active' },
    });
    shard.apply(partition, history(9, 12));
    close(shard);
    expect(digests(volume, three)).toEqual(undisturbed(history(0, 12)));
  });

  it('are refused where they are of another tenant, damaged, or older than what the tenant had; then all is as it was', () => {
    const shard = shardAt(volume);
    shard.apply(partition, [...history(0, 6), damaged('tenant_0', 6)]);
    const before = known(shard, 'tenant_0');
    expect(before.state.kind).toBe('quarantined');
    const install = (prepared: string) => () => shard.install({ tenantId: 'tenant_0', prepared });
    expect(install(preparedFrom(history(0, 6), 'tenant_1'))).toThrow(refusal('STORE_CORRUPT'));
    expect(install(preparedFrom(history(0, 3), 'tenant_0'))).toThrow(refusal('INVALID_POSITION'));
    expect(install(join(dir, 'nothing'))).toThrow(refusal('STORE_MISSING'));
    expect(known(shard, 'tenant_0')).toEqual(before);
    expect(() => shard.install({ tenantId: 'tenant_1', prepared: '' })).toThrow();
    close(shard);
    expect(digests(volume, ['tenant_0'])[0]).toMatch(/^3 /);
  });

  it('that got lost on the way to their place are made again from the log', () => {
    const first = shardAt(volume);
    first.apply(partition, history(0, 9));
    first.distrust('tenant_1', new EntError('STORE_CORRUPT', 'damaged'));
    first.install({ tenantId: 'tenant_1', prepared: preparedFrom(history(0, 6), 'tenant_1') });
    close(first);
    // As a crash after the first rename leaves it, and as one before it does.
    const [image, older] = [join(dir, 'image'), join(dir, 'older')];
    for (const copy of [image, older]) cpSync(volume, copy, { recursive: true });
    mkFolder(join(image, 'replaced'));
    renameSync(tenantDir(image, 'tenant_1'), join(image, 'replaced', 'tenant_1'));
    rmSync(tenantDir(older, 'tenant_1'), { recursive: true });
    cpSync(preparedFrom(history(0, 3), 'tenant_1'), tenantDir(older, 'tenant_1'), {
      recursive: true,
    });
    for (const copy of [image, older]) {
      const shard = shardAt(copy);
      expect(existsSync(join(copy, 'replaced'))).toBe(false);
      const step = { partition, tenantIds: ['tenant_1'], from: 5, next: 9 };
      expect(shard.catchUp(step, history(5, 9)).states).toMatchObject([{ state: behindFrom(1) }]);
      shard.catchUp({ ...step, from: 1 }, history(1, 9));
      close(shard);
      expect(digests(copy, three)).toEqual(undisturbed(history(0, 9)));
    }
  });
});

const mkFolder = (path: string) =>
  cpSync(mkdtempSync(join(dir, 'empty-')), path, { recursive: true });

describe('a partition that begins later', () => {
  const expected = [
    { tenantId: 'tenant_0', firstOffset: 0 },
    { tenantId: 'tenant_1', firstOffset: 1 },
    { tenantId: 'tenant_2', firstOffset: 0 }, // its first record is not known
  ];

  it('knows who was there before, on an empty volume, through a restart', () => {
    const first = shardAt(volume);
    const told = first.beginAt(partition, 9, expected);
    expect(told.states.map(({ tenantId: id, state }) => [id, state])).toEqual([
      ['tenant_0', behindFrom(0)],
      ['tenant_1', behindFrom(1)],
      ['tenant_2', behindFrom(0)],
    ]);
    close(first);
    const shard = shardAt(volume);
    expect(shard.nextOffset(partition)).toBe(9);
    // Who was not expected is new, who was is not.
    const fresh = bytesOf('tenant_9', 12, { operations: [op.create('first', {})] });
    const { touched } = shard.apply(partition, [...history(9, 12), fresh]);
    expect(touched).toEqual([{ tenantId: 'tenant_9', offset: 12 }]);
    expect(existsSync(tenantDir(volume, 'tenant_0'))).toBe(false);
    for (const id of three) {
      shard.install({ tenantId: id, prepared: preparedFrom(history(0, 9), id), fromOffset: 9 });
      shard.catchUp({ partition, tenantIds: [id], from: 9, next: 13 }, history(9, 12));
    }
    expect(shard.tenants().map(({ state }) => state.kind)).toEqual(Array(4).fill('active'));
    close(shard);
    expect(digests(volume, three)).toEqual(undisturbed(history(0, 12)));
  });

  it('leaves those behind that followed the log, also those whose files were never synced, and goes on with who missed nothing', () => {
    const first = shardAt(volume);
    first.apply(partition, history(0, 4));
    const told = first.beginAt(partition, 9, expected);
    expect(told.states.map(({ state }) => state)).toEqual(three.map(() => behindFrom(4)));
    expect(first.sync()).toMatchObject({ done: true });
    close(first); // no checkpoint of before comes back
    const shard = shardAt(volume);
    expect(shard.nextOffset(partition)).toBe(9);
    // tenant_0 has offsets 0, 3 and 6; here only the first two, and nobody knows of a third.
    expect(shard.passOver('tenant_0', 9).states.at(-1)).toMatchObject({
      state: { kind: 'active' },
    });
    expect(shard.passOver('tenant_1', 7).states).toMatchObject([{ state: behindFrom(7) }]);
    expect(shard.passOver('tenant_1', 5).states).toEqual([]);
    expect(stateOf(shard, 'tenant_1')).toEqual(behindFrom(7));
  });

  it('does not give a round of syncs of before its say', () => {
    const shard = shardAt(volume);
    shard.apply(partition, history(0, 6));
    expect(shard.sync(1)).toMatchObject({ done: false });
    shard.beginAt(partition, 9, []);
    while (!shard.sync(1).done);
    close(shard);
    expect(shardAt(volume).nextOffset(partition)).toBe(9);
  });

  it('never goes back, and takes who first came later for new', () => {
    const shard = shardAt(volume);
    shard.beginAt(partition, 9, [{ tenantId: 'tenant_0', firstOffset: 9 }]);
    expect(shard.tenants()).toEqual([]);
    expect(() => shard.beginAt(partition, 8, [])).toThrow('goes on from 9');
    expect(shard.apply(partition, history(9, 10)).touched).toEqual([
      { tenantId: 'tenant_0', offset: 9 },
    ]);
    expect(shard.beginAt(partition, 10, expected).states).toHaveLength(2);
    expect(stateOf(shard, 'tenant_0')).toEqual({ kind: 'active' });
  });
});
