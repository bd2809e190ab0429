import * as fc from 'fast-check';
import type { KafkaMessage } from 'kafkajs';
import { undelivered } from './records.ts';

const message = (offset: number, facts: Partial<KafkaMessage> = {}): KafkaMessage => ({
  key: Buffer.from('tenant'),
  value: Buffer.from(`r${offset}`),
  timestamp: '1700000000000',
  attributes: 0,
  offset: String(offset),
  headers: {},
  ...(facts as object),
});

const batch = (offsets: readonly number[]) => ({
  topic: 't',
  partition: 1,
  messages: offsets.map((o) => message(o)),
});
const range = (first: number, end: number) =>
  Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('what of a fetched batch is delivered', () => {
  it('is all from the position on, and nothing twice', () => {
    expect(undelivered(batch(range(3, 8)), 5).map((r) => r.offset)).toEqual([5, 6, 7]);
    expect(undelivered(batch(range(3, 5)), 5)).toEqual([]);
  });

  it.each([
    ['at the beginning', [6, 7], 5],
    ['in the middle', [5, 6, 8], 7],
  ])('is nothing when there is a hole %s', (_where, offsets, missing) => {
    expect(thrownBy(() => undelivered(batch(offsets), 5))).toMatchObject({
      code: 'LOG_GAP',
      facts: { position: { topic: 't', partition: 1, offset: missing } },
    });
  });

  it('is the log once, in order, however often and from wherever it is fetched (property)', () => {
    const fetches = fc.array(
      fc.record({ back: fc.nat(20), count: fc.integer({ min: 1, max: 30 }) }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(fc.nat(1_000), fetches, (start, steps) => {
        let next = start;
        const delivered: number[] = [];
        for (const { back, count } of steps) {
          const first = Math.max(0, next - back);
          const records = undelivered(batch(range(first, first + count)), next);
          delivered.push(...records.map((r) => r.offset));
          next += records.length;
        }
        expect(delivered).toEqual(range(start, next));
      }),
    );
  });

  it('has text for headers, and stands a record without key, value or headers', () => {
    const messages = [
      message(0, {
        headers: { one: Buffer.from('€'), two: [Buffer.from('a'), 'b'], none: undefined },
      }),
      message(1, { key: null, value: null }),
    ];
    const [first, second] = undelivered({ topic: 't', partition: 1, messages }, 0);
    expect(first).toMatchObject({ timeMs: 1_700_000_000_000, headers: { one: '€', two: 'b' } });
    expect(second).toMatchObject({ key: '', value: Buffer.alloc(0), headers: {} });
  });
});
