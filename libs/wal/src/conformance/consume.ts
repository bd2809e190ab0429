import { codeOf, fill, numbered, record, tail, textOf, type Fixture } from './fixture.ts';

export function describeConsume({ wal, newTopic, underTest }: Fixture): void {
  describe('consume', () => {
    it.each([
      ['the start', 0],
      ['the middle', 7],
      ['the end', 10],
    ])('reads from %s, then what comes', async (_where, first) => {
      const topic = await newTopic();
      await fill(wal(), topic, 0, numbered(10));
      const reader = tail(wal(), { topic, from: new Map([[0, first]]) });
      await reader.started;
      const lane = await wal().openLane(topic, 0);
      await lane.append([record('r10')]);
      await reader.records(11 - first);
      await lane.append([record('r11'), record('r12')]);
      const records = await reader.records(13 - first);
      expect(records.map(textOf)).toEqual(numbered(13).slice(first));
      expect(records.map((r) => r.offset)).toEqual(
        numbered(13)
          .slice(first)
          .map((_, i) => first + i),
      );
      await reader.stop();
      await lane.close();
    });

    it('delivers many records in batches, each dense and with the end of the log', async () => {
      const topic = await newTopic();
      const texts = numbered(5_000);
      await fill(wal(), topic, 0, texts, 500);
      const reader = tail(wal(), { topic, from: new Map([[0, 0]]) });
      expect((await reader.records(5_000)).map(textOf)).toEqual(texts);
      let next = 0;
      for (const batch of reader.batches) {
        expect([batch.topic, batch.partition]).toEqual([topic, 0]);
        expect(batch.records.length).toBeGreaterThan(0);
        expect(batch.records.map((r) => r.offset)).toEqual(batch.records.map((_, i) => next + i));
        next += batch.records.length;
        expect(batch.endOffset).toBeGreaterThanOrEqual(next);
        expect(batch.endOffset).toBeLessThanOrEqual(5_000);
      }
      await reader.stop();
    });

    it('reads only the partitions asked for, and a slow one does not hold up another', async () => {
      const topic = await newTopic(3);
      for (const partition of [0, 1, 2])
        await fill(wal(), topic, partition, numbered(10, `p${partition}.`));
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      let underWay = 0;
      const reader = tail(wal(), {
        topic,
        from: new Map([
          [0, 0],
          [2, 4],
        ]),
        onBatch: async ({ partition }) => {
          if (partition !== 0) return;
          underWay += 1;
          expect(underWay).toBe(1);
          await released;
          underWay -= 1;
        },
      });
      const lane = await wal().openLane(topic, 2);
      const slow = await wal().openLane(topic, 0);
      await slow.append([record('p0.10')]);
      for (const text of numbered(5, 'live')) {
        const { baseOffset } = await lane.append([record(text)]);
        const seen = () =>
          reader.batches.filter((b) => b.partition === 2).flatMap((b) => b.records);
        for (let count = 1; !seen().some((r) => r.offset === baseOffset); count += 1)
          await reader.records(count);
      }
      expect(reader.batches.filter((b) => b.partition === 0).length).toBeLessThanOrEqual(1);
      release();
      const records = await reader.records(11 + 11);
      const ofPartition = (n: number) => records.filter((r) => r.partition === n).map(textOf);
      expect(ofPartition(0)).toEqual(numbered(11, 'p0.'));
      expect(ofPartition(1)).toEqual([]);
      expect(ofPartition(2)).toEqual([...numbered(10, 'p2.').slice(4), ...numbered(5, 'live')]);
      await reader.stop();
      await Promise.all([lane.close(), slow.close()]);
    });

    it('ends with the error of onBatch', async () => {
      const topic = await newTopic(2);
      await fill(wal(), topic, 1, numbered(3));
      const refusal = new Error('not mine');
      const consumed = wal().consume({
        topic,
        from: new Map([
          [0, 0],
          [1, 0],
        ]),
        signal: new AbortController().signal,
        onBatch: () => Promise.reject(refusal),
      });
      await expect(consumed).rejects.toBe(refusal);
    });

    it('resolves on abort, after the batch under way, and delivers nothing more', async () => {
      const topic = await newTopic();
      await fill(wal(), topic, 0, numbered(2));
      const abort = new AbortController();
      const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      let handled = 0;
      let ended = false;
      const consumed = wal()
        .consume({
          topic,
          from: new Map([[0, 0]]),
          signal: abort.signal,
          onBatch: async () => {
            enter();
            await released;
            handled += 1;
          },
        })
        .then(() => {
          ended = true;
        });
      await entered;
      abort.abort();
      await fill(wal(), topic, 0, numbered(2));
      expect(ended).toBe(false);
      release();
      await consumed;
      expect(handled).toBe(1);
    });

    it('resolves on abort while it waits for records, or before it began', async () => {
      const topic = await newTopic();
      const reader = tail(wal(), { topic, from: new Map([[0, 0]]) });
      await reader.started;
      await reader.stop();
      await tail(wal(), { topic, from: new Map([[0, 0]]) }).stop();
      expect(reader.batches).toEqual([]);
    });

    it('says when the log ends before the position', async () => {
      const topic = await newTopic(2);
      await fill(wal(), topic, 0, numbered(3));
      const from = new Map([
        [0, 4],
        [1, 0],
      ]);
      const consumed = wal().consume({
        topic,
        from,
        signal: new AbortController().signal,
        onBatch: async () => {},
      });
      await expect(consumed).rejects.toMatchObject({
        code: 'LOG_TRUNCATED',
        facts: { position: { topic, partition: 0, offset: 4 } },
      });
    });

    it('says when the log no longer holds the position', async () => {
      const { truncateBefore } = underTest();
      if (!truncateBefore) return;
      const topic = await newTopic();
      await fill(wal(), topic, 0, numbered(10));
      await truncateBefore(topic, 0, 6);
      expect(await wal().bounds(topic, 0)).toEqual({ startOffset: 6, endOffset: 10 });
      const consume = (first: number) =>
        wal().consume({
          topic,
          from: new Map([[0, first]]),
          signal: new AbortController().signal,
          onBatch: async () => {},
        });
      expect(await codeOf(consume(5))).toBe('LOG_START_PASSED');
      const reader = tail(wal(), { topic, from: new Map([[0, 6]]) });
      expect((await reader.records(4)).map(textOf)).toEqual(numbered(10).slice(6));
      await reader.stop();
    });

    it('never reuses an offset, even of a log that was emptied', async () => {
      const { truncateBefore } = underTest();
      if (!truncateBefore) return;
      const topic = await newTopic();
      await fill(wal(), topic, 0, numbered(3));
      await truncateBefore(topic, 0, 3);
      expect(await wal().bounds(topic, 0)).toEqual({ startOffset: 3, endOffset: 3 });
      const lane = await wal().openLane(topic, 0);
      expect(await lane.append([record('r3')])).toMatchObject({ baseOffset: 3 });
      await lane.close();
    });
  });
}
