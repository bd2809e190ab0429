import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EntError } from '@entdb/base';
import { val, type TenantRestored } from '@entdb/contracts';
import type { PlacedRecord } from '../store.ts';
import { fullSchema } from '../write/testing/full-schema.ts';
import { delivery, op, recordAt, tenantId, type RecordParts } from '../write/testing/log.ts';
import { dump, tenantDirAt } from '../write/testing/tenant-dir.ts';
import { openTenantWriter } from '../write/writer.ts';
import { adoptRestored } from './adopt.ts';
import { exportTenant } from './export.ts';
import {
  createWorkplace,
  factsAt,
  materialise,
  replayedStates,
  restoredBody,
  type Workplace,
} from './testing/restores.ts';

let work: Workplace;
beforeEach(() => {
  work = createWorkplace();
});
afterEach(() => work.remove());

const history: readonly RecordParts[] = [
  {
    schema: fullSchema,
    operations: [op.create('a', { 1: val.str('one') }, { delivery: delivery(['u'], 'hello') })],
  },
  { operations: [op.create('b', { 1: val.str('two') })] },
  { key: 'later', operations: [op.remove('a'), op.update('b', { 2: val.int(7) })] },
];

/** A tenant after the history, and the restore to its second record. */
function scene(change: (body: TenantRestored) => TenantRestored = (body) => body) {
  const log: PlacedRecord[] = history.map((parts, offset) => recordAt(offset, parts));
  const states = replayedStates(log, work);
  const body = change(restoredBody(factsAt(states(2)), 1));
  const placed = recordAt(3, { key: 'restore', body });
  log.push(placed);
  const current = states(3);
  rmSideFiles(current);
  return { log, states, placed, current };
}

const rmSideFiles = (dir: string) => {
  for (const name of readdirSync(dir)) if (/-(wal|shm)$/.test(name)) rmSync(join(dir, name));
};
const sumsOf = (dir: string) =>
  ['canonical.db', 'mailbox.db'].map((name) =>
    createHash('sha256')
      .update(readFileSync(join(dir, name)))
      .digest('hex'),
  );

function refusal(body: () => unknown): EntError {
  try {
    body();
  } catch (error) {
    if (error instanceof EntError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('an adoption', () => {
  it('brings a state back under a new epoch, says what it is, and leaves two closed files', () => {
    const { log, states, placed, current } = scene();
    const restored = states(2);
    const target = factsAt(restored);
    const before = sumsOf(current);
    const facts = adoptRestored({ tenantId, current, restored, placed });
    expect(readdirSync(restored).sort()).toEqual(['canonical.db', 'mailbox.db']);
    expect(sumsOf(current)).toEqual(before);
    expect(factsAt(restored)).toEqual(facts);
    expect(facts).toMatchObject({
      state: 'active',
      position: { offset: 3, sequence: 4, epoch: 2, logTimeUs: placed.timeMs * 1000 },
      digests: { mailbox: target.digests.mailbox },
    });
    const writer = openTenantWriter({ dir: restored, tenantId, create: false, check: 'quick' });
    writer.scrub();
    // Every key answers as it did, also that of a write which is undone.
    const { outcomes } = writer.apply([
      ...log,
      recordAt(4, { key: 'later', operations: history[2]!.operations! }),
      recordAt(5, { key: 'restore', body: placed.record.body.value as TenantRestored }),
      recordAt(6, { operations: [op.update('a', { 1: val.str('again') })] }),
    ]);
    writer.close();
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      ...Array<string>(6).fill('repeated'),
      'verdict',
    ]);
  });

  it('takes exported files, which carry no journal mode, as well', () => {
    const { states, placed, current } = scene();
    const exported = work.folder();
    exportTenant({ dir: states(2), tenantId, target: exported });
    const replayed = states(2);
    const facts = adoptRestored({ tenantId, current, restored: exported, placed });
    expect(adoptRestored({ tenantId, current, restored: replayed, placed })).toEqual(facts);
    expect(dump(tenantDirAt(exported))).toEqual(dump(tenantDirAt(replayed)));
  });

  it('sees what stands in the -wal of the current files alone, as a crash or a late reader leaves it', () => {
    const { log, states, placed, current } = scene();
    const live = work.folder();
    const writer = openTenantWriter({ dir: live, tenantId, create: true });
    writer.apply(log.slice(0, 3));
    const image = work.folder();
    cpSync(live, image, { recursive: true });
    writer.close();
    for (const name of readdirSync(image)) if (name.endsWith('-shm')) rmSync(join(image, name));
    expect(readdirSync(image)).toContain('canonical.db-wal');
    const [restored, other] = [states(2), states(2)];
    const facts = adoptRestored({ tenantId, current: image, restored, placed });
    expect(adoptRestored({ tenantId, current, restored: other, placed })).toEqual(facts);
    expect(dump(tenantDirAt(restored))).toEqual(dump(tenantDirAt(other)));
  });

  it('keeps what was erased out of reach, through creation, restore and export', () => {
    const log = [
      recordAt(0, { operations: [op.create('a')] }),
      recordAt(1, { body: 'tenantDeleted' }),
      recordAt(2, { body: 'tenantErased' }),
      recordAt(3, { body: 'tenantCreated' }),
      recordAt(4, { operations: [op.create('b')] }),
    ];
    const states = replayedStates(log, work);
    log.push(recordAt(5, { body: restoredBody(factsAt(states(4)), 2) }));
    log.push(recordAt(6, { body: restoredBody(factsAt(states(1)), 3) }));
    const dir = work.folder();
    const outcomes = materialise(dir, [log], states);
    expect(JSON.parse(outcomes[2]!)).toMatchObject({ applied: {} });
    expect(JSON.parse(outcomes[6]!)).toMatchObject({ rejected: { code: 'TENANT_ERASED' } });
    const exported = work.folder();
    exportTenant({ dir, tenantId, target: exported });
    for (const copy of [dir, exported]) expect(factsAt(copy).erasedSequence).toBe(3);
  });

  it('lets a restored verdict give way to one of the same key that came after a deletion', () => {
    const log = [
      recordAt(0, { key: 'k', operations: [op.create('first')] }),
      recordAt(1, { body: 'tenantDeleted' }),
      recordAt(2, { body: 'tenantCreated' }),
      recordAt(3, { key: 'k', operations: [op.create('second')] }),
    ];
    const states = replayedStates(log, work);
    // The key of the restore itself was that of a record before the deletion, too.
    const body = restoredBody(factsAt(states(1)), 2);
    log.push(recordAt(4, { body }));
    const dir = work.folder();
    const outcomes = materialise(dir, [log], states);
    const again = materialise(
      dir,
      [[recordAt(5, { key: 'k', operations: [op.create('second')] })]],
      states,
    );
    expect(again[5]).toBe(outcomes[3]);
    const reused = replayedStates(
      [
        recordAt(0, { key: 'r', operations: [op.create('x')] }),
        recordAt(1, { body: 'tenantDeleted' }),
      ],
      work,
    );
    const placed = recordAt(2, { key: 'r', body: restoredBody(factsAt(reused(1)), 1) });
    const restored = reused(1);
    adoptRestored({ tenantId, current: reused(2), restored, placed });
    const events = (dump(tenantDirAt(restored)) as { events: readonly { offset: number }[] })
      .events;
    expect(new Set(events.map(({ offset }) => offset))).toEqual(new Set([1, 2]));
  });

  it('undoes a restore that brought a deleted tenant back', () => {
    const log = [
      recordAt(0, { operations: [op.create('a')] }),
      recordAt(1, { body: 'tenantDeleted' }),
    ];
    const states = replayedStates(log, work);
    log.push(recordAt(2, { body: restoredBody(factsAt(states(1)), 1) }));
    log.push(recordAt(3, { body: restoredBody(factsAt(states(2)), 2) }));
    expect(factsAt(states(3))).toMatchObject({ state: 'active', position: { epoch: 2 } });
    const dir = work.folder();
    materialise(dir, [log], states);
    expect(factsAt(dir)).toMatchObject({ state: 'deleted', position: { epoch: 3, sequence: 4 } });
  });
});

describe('an adoption refuses', () => {
  it.each<[string, (body: TenantRestored) => TenantRestored]>([
    ['another canonical digest', (body) => ({ ...body, canonicalDigest: 'ab'.repeat(32) })],
    ['another mailbox digest', (body) => ({ ...body, mailboxDigest: 'ab'.repeat(32) })],
    ['another sequence', (body) => ({ ...body, sequence: 1n })],
    ['another offset', (body) => ({ ...body, position: { ...body.position!, offset: 0n } })],
  ])('%s than the record names', (_, change) => {
    const { states, placed, current } = scene(change);
    const restored = states(2);
    const before = dump(tenantDirAt(restored));
    expect(refusal(() => adoptRestored({ tenantId, current, restored, placed })).code).toBe(
      'RESTORE_DIGEST_MISMATCH',
    );
    expect(dump(tenantDirAt(restored))).toEqual(before);
  });

  it('current files that have the record already, or do not accept it', () => {
    const { log, states, placed, current } = scene();
    const after = work.folder();
    materialise(after, [log], states);
    const adopt = (dir: string, record = placed) =>
      refusal(() => adoptRestored({ tenantId, current: dir, restored: states(2), placed: record }))
        .code;
    expect(adopt(after)).toBe('INVALID_POSITION');
    const body = placed.record.body.value as TenantRestored;
    expect(adopt(current, recordAt(3, { body: { ...body, expectedEpoch: 9n } }))).toBe(
      'PRECONDITION_FAILED',
    );
    // Its key has a verdict: the record is a repeat.
    expect(adopt(current, recordAt(3, { key: 'later', body }))).toBe('INVALID_POSITION');
  });

  it('damage, and says on which side it is', () => {
    const { states, placed, current } = scene();
    const folderOf = (side: 'current' | 'restored', damage: (dir: string) => void) => {
      const dirs = { current: work.folder(), restored: states(2) };
      cpSync(current, dirs.current, { recursive: true });
      damage(dirs[side]);
      const { code, facts } = refusal(() => adoptRestored({ tenantId, ...dirs, placed }));
      return [code, facts.metadata?.['folder']];
    };
    const changeEvent = (dir: string) =>
      tenantDirAt(dir).sql(
        'canonical',
        `UPDATE applied_events SET result_json = result_json || ' ' WHERE idempotency_key = 'later'`,
      );
    expect(folderOf('current', changeEvent)).toEqual(['STORE_CORRUPT', 'current']);
    for (const side of ['current', 'restored'] as const) {
      expect(folderOf(side, (dir) => rmSync(join(dir, 'mailbox.db')))).toEqual([
        'STORE_MISSING',
        side,
      ]);
      expect(
        folderOf(
          side,
          (dir) => void tenantDirAt(dir).sql('canonical', 'UPDATE meta SET epoch = 7'),
        ),
      ).toEqual(['STORE_CORRUPT', side]);
    }
  });

  it('files that another adoption has begun to change', () => {
    const { states, placed, current } = scene();
    const restored = states(2);
    const before = work.folder();
    cpSync(restored, before, { recursive: true });
    adoptRestored({ tenantId, current, restored, placed });
    // As a crash between the two files leaves it, and as one after both does.
    cpSync(join(restored, 'canonical.db'), join(before, 'canonical.db'));
    for (const dir of [before, restored])
      expect(
        refusal(() => adoptRestored({ tenantId, current, restored: dir, placed })).code,
      ).toMatch(/^(STORE_CORRUPT|RESTORE_DIGEST_MISMATCH)$/);
  });
});

test('a mailbox that is from before a restore which the other file has is not caught up past it', () => {
  const { log, states, current } = scene();
  const dir = work.folder();
  materialise(dir, [log], states);
  rmSideFiles(dir);
  cpSync(join(current, 'mailbox.db'), join(dir, 'mailbox.db'));
  const writer = openTenantWriter({ dir, tenantId, create: false });
  expect(refusal(() => writer.apply(log)).code).toBe('STORE_CORRUPT');
  writer.close();
});
