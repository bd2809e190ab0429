import { cpSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type { PlacedRecord } from '../store.ts';
import { restoredHistories, type RestoreStep } from '../write/testing/histories.ts';
import { recordAt, type RecordParts } from '../write/testing/log.ts';
import { dump, tenantDirAt } from '../write/testing/tenant-dir.ts';
import {
  copiedStates,
  createWorkplace,
  factsAt,
  materialise,
  replayedStates,
  restoredBody,
  type Workplace,
} from './testing/restores.ts';

/**
 * Restores in place, as the log tells them: after one, the state is that of the restored record and the verdicts are those of the whole log, whatever was deleted, erased or
 * restored in between; and it is the same, row for row, wherever the restored files came from and however the records were batched. (P2, P4, P7)
 */
const runs = Number(process.env['ENTDB_PROPERTY_RUNS'] ?? 25);

interface Event {
  readonly idempotency_key: string;
  readonly result_json: string;
  readonly offset: number;
}

interface Dump {
  readonly nodes: unknown;
  readonly edges: unknown;
  readonly unique: unknown;
  readonly index: unknown;
  readonly items: unknown;
  readonly events: readonly Event[];
  readonly schemas: readonly { readonly fingerprint: string; readonly ordinal: number }[];
}

/** What stood after a record, and a copy of the files. */
interface Stand {
  readonly rows: Dump;
  readonly facts: ReturnType<typeof factsAt>;
  readonly copy: string;
}

const isRestore = (step: RecordParts | RestoreStep): step is RestoreStep => 'back' in step;

/** Makes the log record by record, as it would come to be: a restore names what stands in the files by then. */
function live(history: readonly (RecordParts | RestoreStep)[], work: Workplace) {
  const dir = work.folder();
  const log: PlacedRecord[] = [];
  const stands: Stand[] = [];
  const copies = new Map<number, string>();
  const statesOf = copiedStates(copies, work);
  const outcomes: string[] = [];
  for (const step of history) {
    const offset = log.length;
    const placed = recordAt(offset, isRestore(step) ? restoreOf(step, stands) : step);
    log.push(placed);
    outcomes[offset] = materialise(dir, [[placed]], statesOf)[offset]!;
    const copy = work.folder();
    cpSync(dir, copy, { recursive: true });
    copies.set(offset + 1, copy);
    stands.push({ rows: dump(tenantDirAt(copy)) as Dump, facts: factsAt(copy), copy });
  }
  return { dir, log, stands, copies, outcomes };
}

/** `back: 0` names the record itself, which is too late to be restored. */
function restoreOf({ back, lateBy, key }: RestoreStep, stands: readonly Stand[]): RecordParts {
  const now = stands.at(-1)?.facts;
  const target = stands[Math.max(0, stands.length - back)]?.facts ?? now;
  const epoch = (now?.position.epoch ?? 1) - lateBy;
  const named = target ?? {
    ...factless,
    position: { ...factless.position, sequence: stands.length + 1, offset: stands.length },
  };
  const body = restoredBody(named, epoch);
  const itself = { ...body, sequence: BigInt(stands.length + 1) };
  return { ...(key !== undefined && { key }), body: back === 0 ? itself : body };
}

const factless = {
  tenantId: 'acme',
  state: 'absent' as const,
  position: { topic: 'entdb-wal', partition: 3, offset: 0, epoch: 1, sequence: 1, logTimeUs: 0 },
  digests: { canonical: '00'.repeat(32), mailbox: '00'.repeat(32) },
  schemaFingerprint: '',
  erasedSequence: 0,
};

/** Of the newest erasure, whatever became of it. */
const floorOf = (log: readonly PlacedRecord[]): number =>
  log.findLastIndex(({ record: { body } }) => body.case === 'tenantDeleted' && body.value.erase) +
  1;

/** What the record must do, judged by the model alone. */
function expected(placed: PlacedRecord, before: Stand | undefined, floor: number): string {
  const { body, idempotencyKey } = placed.record;
  if (body.case !== 'tenantRestored') throw new Error('only restores are judged here');
  const { sequence, expectedEpoch } = body.value;
  if (before?.rows.events.some((event) => event.idempotency_key === idempotencyKey))
    return 'repeat';
  if (!before || before.facts.state === 'absent') return 'TENANT_NOT_FOUND';
  if (sequence > BigInt(before.facts.position.sequence)) return 'INVALID_POSITION';
  if (sequence < BigInt(floor)) return 'TENANT_ERASED';
  if (expectedEpoch !== BigInt(before.facts.position.epoch)) return 'PRECONDITION_FAILED';
  return 'accepted';
}

const contentOf = ({ nodes, edges, unique, index, items }: Dump) => ({
  nodes,
  edges,
  unique,
  index,
  items,
});

function checkRestore(
  placed: PlacedRecord,
  { log, stands }: Pick<ReturnType<typeof live>, 'log' | 'stands'>,
  tally: Map<string, number>,
): void {
  const { offset, record } = placed;
  const before = stands[offset - 1];
  const after = stands[offset]!;
  const floor = floorOf(log.slice(0, offset));
  const verdict = expected(placed, before, floor);
  tally.set(verdict, (tally.get(verdict) ?? 0) + 1);
  expect(after.facts.position.sequence).toBe(offset + 1);
  const own = after.rows.events.find((event) => event.offset === offset);
  if (verdict !== 'accepted') {
    if (before) expect(contentOf(after.rows)).toEqual(contentOf(before.rows));
    if (verdict === 'repeat') expect(own).toBeUndefined();
    else expect(JSON.parse(own!.result_json)).toMatchObject({ rejected: { code: verdict } });
    return;
  }
  const target = stands[Number((record.body.value as { sequence: bigint }).sequence) - 1]!;
  expect(contentOf(after.rows)).toEqual(contentOf(target.rows));
  expect(after.facts).toMatchObject({
    state: target.facts.state,
    position: { epoch: before!.facts.position.epoch + 1, offset },
    digests: { mailbox: target.facts.digests.mailbox },
    erasedSequence: floor,
  });
  // Verdicts: those of before, and what the restored state has of other keys.
  const kept = new Map(
    [...target.rows.events, ...before!.rows.events].map((event) => [event.idempotency_key, event]),
  );
  kept.set(record.idempotencyKey, own!);
  const byKey = (a: Event, b: Event) =>
    Buffer.compare(Buffer.from(a.idempotency_key), Buffer.from(b.idempotency_key));
  expect(after.rows.events).toEqual([...kept.values()].sort(byKey));
  expect(JSON.parse(own!.result_json)).toMatchObject({
    applied: { operations: [] },
    position: { offset },
  });
  // Definitions: the catalog of the restored state, and every other one that was ever brought.
  const ordinals = new Map(before!.rows.schemas.map(({ fingerprint }) => [fingerprint, -1]));
  for (const { fingerprint, ordinal } of target.rows.schemas) ordinals.set(fingerprint, ordinal);
  expect(
    new Map(after.rows.schemas.map(({ fingerprint, ordinal }) => [fingerprint, ordinal])),
  ).toEqual(ordinals);
}

/** An erasure ends what a plain deletion leaves; both leave nothing but their own verdict. */
function checkDeletion(
  { offset, record }: PlacedRecord,
  { log, stands }: Pick<ReturnType<typeof live>, 'log' | 'stands'>,
): void {
  const before = stands[offset - 1];
  const after = stands[offset]!;
  expect(after.facts.erasedSequence).toBe(floorOf(log.slice(0, offset + 1)));
  const erase = record.body.case === 'tenantDeleted' && record.body.value.erase;
  const state = before?.facts.state ?? 'absent';
  const isRepeat = before?.rows.events.some(
    (event) => event.idempotency_key === record.idempotencyKey,
  );
  if (isRepeat || state === 'absent' || (state === 'deleted' && !erase)) return;
  expect(after.facts.state).toBe('deleted');
  expect(contentOf(after.rows)).toEqual({ nodes: [], edges: [], unique: [], index: [], items: [] });
  expect(after.rows.events.map((event) => event.offset)).toEqual([offset]);
}

function withWork<T>(body: (work: Workplace) => T): T {
  const work = createWorkplace();
  try {
    return body(work);
  } finally {
    work.remove();
  }
}

test('a restore gives the state of its record, and keeps every verdict that there is', () => {
  const tally = new Map<string, number>();
  fc.assert(
    fc.property(restoredHistories, (history) =>
      withWork((work) => {
        const { log, stands } = live(history, work);
        for (const placed of log) {
          const { body } = placed.record;
          if (body.case === 'tenantRestored') checkRestore(placed, { log, stands }, tally);
          else if (body.case === 'tenantDeleted') checkDeletion(placed, { log, stands });
        }
      }),
    ),
    { numRuns: runs },
  );
  console.info(Object.fromEntries(tally));
  expect(tally.get('accepted')).toBeGreaterThan(0);
});

const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });

function* split(
  log: readonly PlacedRecord[],
  some: readonly number[],
): Iterable<readonly PlacedRecord[]> {
  for (let from = 0, i = 0; from < log.length; i++) {
    const size = some[i % some.length]!;
    yield log.slice(from, from + size);
    from += size;
  }
}

test('two materialisations are alike, row for row: from copies and from replayed prefixes, in any batches', () => {
  fc.assert(
    fc.property(restoredHistories, sizes, (history, some) =>
      withWork((work) => {
        const { log, stands, copies, outcomes } = live(history, work);
        const whole = stands.at(-1)!;
        const [first, second] = [work.folder(), work.folder()];
        expect(materialise(first, [log], replayedStates(log, work))).toEqual(outcomes);
        expect(materialise(second, split(log, some), copiedStates(copies, work))).toEqual(outcomes);
        for (const dir of [first, second]) {
          expect(factsAt(dir)).toEqual(whole.facts);
          expect(dump(tenantDirAt(dir))).toEqual(whole.rows);
        }
      }),
    ),
    { numRuns: runs },
  );
});

test('giving any suffix again changes nothing and tells the same verdicts', () => {
  fc.assert(
    fc.property(restoredHistories, fc.nat(), (history, cut) =>
      withWork((work) => {
        const { dir, log, stands, copies } = live(history, work);
        materialise(dir, [log.slice(cut % log.length)], copiedStates(copies, work));
        expect(isDeepStrictEqual(dump(tenantDirAt(dir)), stands.at(-1)!.rows)).toBe(true);
      }),
    ),
    { numRuns: runs },
  );
});
