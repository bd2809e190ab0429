import { EntError, realClock, type ErrorCode } from '@entdb/base';
import * as fc from 'fast-check';
import { createLane, type LaneOptions } from './lane-queue.ts';
import type { AppendRecord } from './wal.ts';

/** A log of which each batch is answered by hand. */
function handLog() {
  const batches: {
    records: readonly AppendRecord[];
    answer(offset: number): void;
    fail(): void;
  }[] = [];
  const send = (records: readonly AppendRecord[]) =>
    new Promise<number>((resolve, reject) => {
      batches.push({
        records,
        answer: resolve,
        fail: () => reject(new Error('the line went dead')),
      });
    });
  return { batches, send };
}

const record = (text: string, key = 't1'): AppendRecord => ({ key, value: Buffer.from(text) });
const texts = (records: readonly AppendRecord[]) =>
  records.map((r) => Buffer.from(r.value).toString());
/** Long enough for every microtask that is due. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const codeOf = (promise: Promise<unknown>): Promise<ErrorCode | 'none'> =>
  promise.then(
    () => 'none' as const,
    (error: unknown) => {
      if (error instanceof EntError) return error.code;
      throw error;
    },
  );

function laneOn(log: ReturnType<typeof handLog>, options: Partial<LaneOptions> = {}) {
  return createLane({
    topic: 'entdb-wal',
    partition: 2,
    clock: realClock,
    send: log.send,
    ...options,
  });
}

describe('group commit', () => {
  it('sends the calls of one turn as one batch, and what came meanwhile as the next', async () => {
    const log = handLog();
    const lane = laneOn(log);
    const first = lane.append([record('a'), record('b')]);
    const second = lane.append([record('c')]);
    await turn();
    const third = lane.append([record('d')]);
    await turn();
    expect(log.batches.map((b) => texts(b.records))).toEqual([['a', 'b', 'c']]);
    log.batches[0]!.answer(10);
    await turn();
    log.batches[1]!.answer(40);
    expect(await Promise.all([first, second, third])).toEqual([
      { topic: 'entdb-wal', partition: 2, baseOffset: 10 },
      { topic: 'entdb-wal', partition: 2, baseOffset: 12 },
      { topic: 'entdb-wal', partition: 2, baseOffset: 40 },
    ]);
    expect(lane.pending).toEqual({ records: 0, bytes: 0 });
    await lane.close();
  });

  it('never has two sends under way, keeps calls whole and in order, and within the batch limits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 5 }), {
          maxLength: 40,
        }),
        fc.infiniteStream(fc.boolean()),
        async (calls, yields) => {
          const stored: string[] = [];
          let underWay = 0;
          const lane = createLane({
            topic: 't',
            partition: 0,
            clock: realClock,
            limits: { batchRecordsMax: 7, batchBytesMax: 500 },
            send: async (batch) => {
              underWay += 1;
              expect(underWay).toBe(1);
              expect(batch.length).toBeLessThanOrEqual(7);
              const base = stored.length;
              if (yields.next().value) await turn();
              stored.push(...texts(batch));
              underWay -= 1;
              return base;
            },
          });
          const acks: Promise<void>[] = [];
          for (const [index, sizes] of calls.entries()) {
            const records = sizes.map((size, i) => record(`${index}.${i}:`.padEnd(size, 'x'), ''));
            acks.push(
              lane.append(records).then(({ baseOffset }) => {
                expect(stored.slice(baseOffset, baseOffset + records.length)).toEqual(
                  texts(records),
                );
              }),
            );
            if (yields.next().value) await turn();
          }
          await Promise.all(acks);
          expect(stored.map((s) => s.split(':')[0])).toEqual(
            calls.flatMap((sizes, index) => sizes.map((_, i) => `${index}.${i}`)),
          );
          await lane.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('limits', () => {
  it('refuses what can never be written, with the field at fault', async () => {
    const log = handLog();
    const lane = laneOn(log, { limits: { recordBytesMax: 10, batchRecordsMax: 2 } });
    const fault = lane.append([record('small'), record('larger than ten')]);
    await expect(fault).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      facts: { field: 'records[1].value' },
    });
    expect(await codeOf(lane.append([record('a'), record('b'), record('c')]))).toBe(
      'RECORD_TOO_LARGE',
    );
    expect(await codeOf(lane.append([record('a', 'k'.repeat(65_537))]))).toBe('RECORD_TOO_LARGE');
    expect(await codeOf(lane.append([]))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(lane.append([record('a', '\ud800')]))).toBe('INVALID_ARGUMENT');
    await turn();
    expect(log.batches).toEqual([]);
    expect(lane.pending).toEqual({ records: 0, bytes: 0 });
  });

  it('lets the largest value go although it fills more than a batch', async () => {
    const log = handLog();
    const lane = laneOn(log, { limits: { recordBytesMax: 100, batchBytesMax: 100 } });
    const acks = [lane.append([record('x'.repeat(100))]), lane.append([record('y'.repeat(100))])];
    await turn();
    expect(log.batches).toHaveLength(1);
    log.batches[0]!.answer(0);
    await turn();
    log.batches[1]!.answer(1);
    expect((await Promise.all(acks)).map((r) => r.baseOffset)).toEqual([0, 1]);
  });

  it('answers RESOURCE_EXHAUSTED at once when full, and takes more when there is room', async () => {
    const log = handLog();
    const lane = laneOn(log, { limits: { pendingRecordsMax: 3 } });
    const taken = [lane.append([record('a'), record('b')]), lane.append([record('c')])];
    const refused = lane.append([record('d')]);
    await expect(refused).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      facts: { retryAfterMs: 50 },
    });
    await turn();
    log.batches[0]!.answer(0);
    await Promise.all(taken);
    const after = lane.append([record('e')]);
    await turn();
    log.batches[1]!.answer(3);
    expect(await after).toMatchObject({ baseOffset: 3 });
    expect(log.batches.flatMap((b) => texts(b.records))).toEqual(['a', 'b', 'c', 'e']);
  });

  it('counts bytes as well', async () => {
    const lane = laneOn(handLog(), { limits: { pendingBytesMax: 1000 }, closeWaitMs: 0 });
    const first = codeOf(lane.append([record('x'.repeat(800))]));
    expect(await codeOf(lane.append([record('x'.repeat(200))]))).toBe('RESOURCE_EXHAUSTED');
    expect(lane.pending.bytes).toBeGreaterThanOrEqual(800);
    await lane.close();
    expect(await first).toBe('OUTCOME_UNKNOWN');
  });
});

describe('poison', () => {
  it('tells the calls in flight that the outcome is unknown, and the others that they were not sent', async () => {
    const log = handLog();
    const lane = laneOn(log);
    const inFlight = [codeOf(lane.append([record('a')])), codeOf(lane.append([record('b')]))];
    await turn();
    const waiting = codeOf(lane.append([record('c')]));
    expect(lane.poisoned).toBe(false);
    log.batches[0]!.fail();
    expect(await Promise.all(inFlight)).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN']);
    expect(await waiting).toBe('LANE_POISONED');
    expect(lane.poisoned).toBe(true);
    expect(await codeOf(lane.append([record('d')]))).toBe('LANE_POISONED');
    expect(log.batches).toHaveLength(1);
    expect(lane.pending).toEqual({ records: 0, bytes: 0 });
    await lane.close();
  });

  it.each([
    ['an old offset: that is how a log acknowledges what it did not write', 5],
    ['a negative offset', -1],
    ['no offset', NaN],
  ])('takes %s for a failure', async (_what, offset) => {
    const log = handLog();
    const lane = laneOn(log);
    const first = lane.append([record('a'), record('b')]);
    await turn();
    log.batches[0]!.answer(4);
    expect(await first).toMatchObject({ baseOffset: 4 });
    const second = codeOf(lane.append([record('c')]));
    await turn();
    log.batches[1]!.answer(offset);
    expect(await second).toBe('OUTCOME_UNKNOWN');
    expect(lane.poisoned).toBe(true);
  });

  it('is the same for an adapter that throws before it returns a promise', async () => {
    const lane = laneOn(handLog(), {
      send: () => {
        throw new Error('not a promise');
      },
    });
    expect(await codeOf(lane.append([record('a')]))).toBe('OUTCOME_UNKNOWN');
  });
});

describe('close', () => {
  it('lets finish what was accepted, refuses what comes after, releases once', async () => {
    const log = handLog();
    let released = 0;
    const lane = laneOn(log, {
      release: async () => {
        released += 1;
      },
    });
    const inFlight = lane.append([record('a')]);
    await turn();
    const waiting = lane.append([record('b')]);
    const closed = Promise.all([lane.close(), lane.close()]);
    expect(await codeOf(lane.append([record('c')]))).toBe('SHUTTING_DOWN');
    log.batches[0]!.answer(0);
    await turn();
    expect(released).toBe(0);
    log.batches[1]!.answer(1);
    await closed;
    expect((await Promise.all([inFlight, waiting])).map((r) => r.baseOffset)).toEqual([0, 1]);
    expect(released).toBe(1);
  });

  it('gives up on a log that does not answer, and does not believe its late answer', async () => {
    const log = handLog();
    const lane = laneOn(log, { closeWaitMs: 1 });
    const inFlight = codeOf(lane.append([record('a')]));
    await turn();
    const waiting = codeOf(lane.append([record('b')]));
    await lane.close();
    expect([await inFlight, await waiting]).toEqual(['OUTCOME_UNKNOWN', 'LANE_POISONED']);
    log.batches[0]!.answer(0);
    await turn();
    expect(log.batches).toHaveLength(1);
    expect(lane.poisoned).toBe(true);
  });
});
