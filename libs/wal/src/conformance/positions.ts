import { numbered, readAll, record, type Fixture } from './fixture.ts';

export function describePositions({ wal, newTopic }: Fixture): void {
  describe('positions', () => {
    it('knows the bounds of an empty and of a filled partition', async () => {
      const topic = await newTopic(2);
      const lane = await wal().openLane(topic, 1);
      await lane.append(numbered(4).map((text) => record(text)));
      expect(await wal().bounds(topic, 0)).toEqual({ startOffset: 0, endOffset: 0 });
      expect(await wal().bounds(topic, 1)).toEqual({ startOffset: 0, endOffset: 4 });
      await lane.close();
    });

    it('finds the first offset at or after a time', async () => {
      const topic = await newTopic();
      expect(await wal().offsetForTime(topic, 0, 0)).toBe(0);
      const lane = await wal().openLane(topic, 0);
      for (const text of numbered(12)) await lane.append([record(`${text}a`), record(`${text}b`)]);
      await lane.close();
      const times = (await readAll(wal(), topic, 0)).map((r) => r.timeMs);
      const [first = 0, last = 0] = [times[0], times.at(-1)];
      for (const time of [
        0,
        first - 1,
        ...times,
        ...times.map((t) => t + 1),
        last + 1,
        last + 1_000_000,
      ]) {
        const expected = times.findIndex((t) => t >= time);
        expect(await wal().offsetForTime(topic, 0, time)).toBe(
          expected === -1 ? times.length : expected,
        );
      }
    });
  });
}
