import { codeOf, numbered, readAll, record, textOf, type Fixture } from './fixture.ts';

export function describeAppend({ wal, newTopic, underTest }: Fixture): void {
  describe('lanes', () => {
    it('gives a call dense offsets in its order, from 0', async () => {
      const topic = await newTopic(2);
      const lane = await wal().openLane(topic, 1);
      expect([lane.topic, lane.partition, lane.poisoned]).toEqual([topic, 1, false]);
      expect(await lane.append([record('a'), record('b')])).toEqual({
        topic,
        partition: 1,
        baseOffset: 0,
      });
      expect(await lane.append([record('c')])).toEqual({ topic, partition: 1, baseOffset: 2 });
      expect(lane.pending).toEqual({ records: 0, bytes: 0 });
      expect((await readAll(wal(), topic, 1)).map((r) => [r.offset, textOf(r)])).toEqual([
        [0, 'a'],
        [1, 'b'],
        [2, 'c'],
      ]);
      expect(await wal().bounds(topic, 0)).toEqual({ startOffset: 0, endOffset: 0 });
      await lane.close();
    });

    it('keeps calls whole and in order when many are made at once', async () => {
      const topic = await newTopic();
      const lane = await wal().openLane(topic, 0, { batchRecordsMax: 20 });
      const calls = numbered(60, 'call').map((name, index) =>
        numbered(1 + (index % 7), `${name}.`),
      );
      const receipts = await Promise.all(
        calls.map((texts) => lane.append(texts.map((text) => record(text)))),
      );
      const stored = (await readAll(wal(), topic, 0)).map(textOf);
      expect(stored).toEqual(calls.flat());
      receipts.forEach(({ baseOffset }, index) => {
        const texts = calls[index] ?? [];
        expect(stored.slice(baseOffset, baseOffset + texts.length)).toEqual(texts);
      });
      await lane.close();
    });

    it('stores each record of concurrent lanes exactly once', async () => {
      const topic = await newTopic();
      const lanes = await Promise.all([wal().openLane(topic, 0), wal().openLane(topic, 0)]);
      const texts = numbered(200);
      const offsets = await Promise.all(
        texts.map(async (text, index) => {
          const lane = lanes[index % 2];
          const receipt = await lane?.append([record(text)]);
          return receipt?.baseOffset ?? -1;
        }),
      );
      const stored = (await readAll(wal(), topic, 0)).map(textOf);
      expect([...stored].sort()).toEqual([...texts].sort());
      expect(offsets.map((offset) => stored[offset])).toEqual(texts);
      await Promise.all(lanes.map((lane) => lane.close()));
    });

    it('gives back what was given: any bytes, key, headers', async () => {
      const topic = await newTopic();
      const lane = await wal().openLane(topic, 0);
      const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const given = [
        { key: 'Ж-鍵-🔑', value: everyByte },
        { key: 'empty', value: new Uint8Array(0), headers: {} },
        {
          key: 'headers',
          value: Buffer.from('v'),
          headers: { traceparent: '00-ab', größe: '€ 🙂', empty: '' },
        },
        { key: 'a view', value: everyByte.subarray(100, 103) },
      ];
      await lane.append(given);
      const stored = await readAll(wal(), topic, 0);
      expect(
        stored.map((r) => ({ key: r.key, value: [...r.value], headers: { ...r.headers } })),
      ).toEqual(given.map(({ key, value, headers = {} }) => ({ key, value: [...value], headers })));
      expect(
        stored.every(
          (r) => r.value instanceof Uint8Array && r.topic === topic && r.partition === 0,
        ),
      ).toBe(true);
      await lane.close();
    });

    it('stores a record of the largest size', async () => {
      const topic = await newTopic();
      const lane = await wal().openLane(topic, 0);
      const value = new Uint8Array(900_000).fill(7);
      await lane.append([{ key: 'large', value }]);
      const [stored] = await readAll(wal(), topic, 0);
      expect(Buffer.compare(stored?.value ?? Buffer.alloc(0), value)).toBe(0);
      await lane.close();
    });

    it('stamps records with a time that never steps back within a writer', async () => {
      const topic = await newTopic();
      const lane = await wal().openLane(topic, 0);
      for (const text of numbered(20)) await lane.append([record(text)]);
      const times = (await readAll(wal(), topic, 0)).map((r) => r.timeMs);
      expect(times.every((time) => Number.isSafeInteger(time) && time > 0)).toBe(true);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      await lane.close();
    });

    it('refuses what is too large or too much, and goes on', async () => {
      const topic = await newTopic();
      const lane = await wal().openLane(topic, 0, { recordBytesMax: 100, pendingRecordsMax: 3 });
      expect(await codeOf(lane.append([record('x'.repeat(101))]))).toBe('RECORD_TOO_LARGE');
      const taken = lane.append(numbered(3).map((text) => record(text)));
      expect(await codeOf(lane.append([record('one too many')]))).toBe('RESOURCE_EXHAUSTED');
      expect((await taken).baseOffset).toBe(0);
      expect((await lane.append([record('later')])).baseOffset).toBe(3);
      expect((await readAll(wal(), topic, 0)).map(textOf)).toEqual(['r0', 'r1', 'r2', 'later']);
      await lane.close();
    });

    it('finishes what it accepted when it is closed, and takes no more', async () => {
      const topic = await newTopic();
      const lane = await wal().openLane(topic, 0);
      const accepted = lane.append([record('accepted')]);
      await Promise.all([lane.close(), lane.close()]);
      expect((await accepted).baseOffset).toBe(0);
      expect(await codeOf(lane.append([record('late')]))).not.toBe('none');
      expect(await wal().bounds(topic, 0)).toEqual({ startOffset: 0, endOffset: 1 });
    });

    it('is poisoned by an unknown outcome; another lane goes on', async () => {
      const { failNextAppend } = underTest();
      if (!failNextAppend) return;
      const topic = await newTopic();
      const lane = await wal().openLane(topic, 0, { batchRecordsMax: 1 });
      await lane.append([record('before')]);
      failNextAppend(topic);
      const outcomes = ['a', 'b', 'c'].map((text) => codeOf(lane.append([record(text)])));
      expect(await Promise.all(outcomes)).toEqual([
        'OUTCOME_UNKNOWN',
        'LANE_POISONED',
        'LANE_POISONED',
      ]);
      expect(lane.poisoned).toBe(true);
      expect(await codeOf(lane.append([record('d')]))).toBe('LANE_POISONED');
      await lane.close();

      const next = await wal().openLane(topic, 0);
      const { baseOffset } = await next.append([record('after')]);
      const stored = (await readAll(wal(), topic, 0)).map(textOf);
      expect(stored[baseOffset]).toBe('after');
      expect(stored.filter((text) => text !== 'a')).toEqual(['before', 'after']);
      await next.close();
    });
  });
}
