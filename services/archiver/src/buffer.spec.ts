import { createRecordBuffer } from './buffer.ts';

const recordAt = (offset: number, value: Uint8Array) => ({
  topic: 'entdb-wal',
  partition: 0,
  offset,
  timeMs: 1,
  key: 'acme',
  value,
  headers: {},
});

describe('records that wait', () => {
  it('keep nothing of the fetch that they came in', () => {
    const buffer = createRecordBuffer(() => {});
    const fetched = new Uint8Array(1_000_000).fill(7);
    buffer.push(recordAt(0, fetched.subarray(10, 20)), 0);
    const { value } = buffer.records[0]!;
    expect(value).toEqual(new Uint8Array(10).fill(7));
    expect(value.buffer.byteLength).toBeLessThan(4096); // a slab of this tenant's values, and no fetch
  });

  it('are counted, and what is dropped is given back', () => {
    let held = 0;
    const buffer = createRecordBuffer((bytes) => (held += bytes));
    for (const offset of [3, 5, 9]) buffer.push(recordAt(offset, new Uint8Array(300)), offset);
    expect(buffer.waiting()).toEqual({ bytes: 1_500, records: 3, firstAtMs: 3, lastAtMs: 9 });
    expect(held).toBe(buffer.held);
    expect(held).toBeGreaterThan(900);
    buffer.dropThrough(2);
    expect(buffer.records).toHaveLength(3);
    buffer.dropThrough(5);
    expect(buffer.waiting()).toEqual({ bytes: 500, records: 1, firstAtMs: 9, lastAtMs: 9 });
    buffer.clear();
    expect([held, buffer.held, buffer.waiting().bytes]).toEqual([0, 0, 0]);
  });
});
