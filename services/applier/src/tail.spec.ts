import { getEventListeners } from 'node:events';
import type { LogRecord } from '@entdb/wal';
import { createTail } from './tail.ts';

const record = (key: string, offset: number, size = 1): LogRecord => ({
  topic: 'entdb-wal',
  partition: 0,
  offset,
  timeMs: 0,
  key,
  value: new Uint8Array(size),
  headers: {},
});
const tailWith = () => createTail({ bufferRecordsMax: 3, bufferBytesMax: 100 });
const offsets = (records: readonly LogRecord[]) => records.map(({ offset }) => offset);

describe('the live end of the log', () => {
  it("gives a subscriber its own tenant's records, those that came before it asked as well", async () => {
    const tail = tailWith();
    const own = tail.subscribe('acme');
    const { signal } = new AbortController();
    tail.committed(0, [record('acme', 1), record('other', 2), record('acme', 3)]);
    expect(offsets(await own.next(signal))).toEqual([1, 3]);
    const waiting = own.next(signal);
    tail.committed(0, [record('other', 4), record('acme', 5)]);
    expect(offsets(await waiting)).toEqual([5]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it.each<[string, readonly LogRecord[]]>([
    ['too many records', [1, 2, 3, 4].map((offset) => record('acme', offset))],
    ['too many bytes', [record('acme', 1, 60), record('acme', 2, 60)]],
  ])('cuts off who is too slow: %s', async (_what, records) => {
    const tail = tailWith();
    const slow = tail.subscribe('acme');
    const quick = tail.subscribe('acme');
    for (const one of records) {
      tail.committed(0, [one]);
      expect(offsets(await quick.next(new AbortController().signal))).toEqual([one.offset]);
    }
    expect(slow.cutOff).toBe(true);
    expect(await slow.next(new AbortController().signal)).toEqual([]);
    expect(quick.cutOff).toBe(false);
  });

  it('wakes a waiting subscriber with the reason of its signal', async () => {
    const own = tailWith().subscribe('acme');
    const ended = new AbortController();
    const waiting = own.next(ended.signal);
    ended.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(own.next(ended.signal)).rejects.toThrow('enough');
  });

  it('gives nothing to one that has closed', async () => {
    const tail = tailWith();
    const own = tail.subscribe('acme');
    own.close();
    tail.committed(0, [record('acme', 1)]);
    const asked = new AbortController();
    const waiting = own.next(asked.signal);
    asked.abort(new Error('nothing came'));
    await expect(waiting).rejects.toThrow('nothing came');
  });
});
