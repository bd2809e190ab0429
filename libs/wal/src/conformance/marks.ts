import { codeOf, fill, numbered, readAll, textOf, withAnother, type Fixture } from './fixture.ts';

export function describeMarks({ wal, newTopic, underTest }: Fixture): void {
  describe('marks of groups', () => {
    it('are what was committed last, by group and partition', async () => {
      const [topic, other] = [await newTopic(2), await newTopic(2)];
      const places = [topic, other].flatMap((name) =>
        ['archiver', 'other.group-1'].flatMap((group) =>
          [0, 1].map((partition) => ({ name, group, partition })),
        ),
      );
      for (const { name, group, partition } of places)
        expect(await wal().committed(group, name, partition)).toBeUndefined();
      for (const [index, { name, group, partition }] of places.entries())
        await wal().commit(group, name, partition, index);
      for (const [index, { name, group, partition }] of places.entries())
        expect(await wal().committed(group, name, partition)).toBe(index);
      await wal().commit('archiver', topic, 0, 2 ** 53 - 1);
      expect(await wal().committed('archiver', topic, 0)).toBe(2 ** 53 - 1);
      await wal().commit('archiver', topic, 0, 0); // it is the caller who knows whether that is right
      expect(await wal().committed('archiver', topic, 0)).toBe(0);
      expect(await wal().committed('archiver', topic, 1)).toBe(1);
    });

    it('are seen by another instance, and outlive the one that set them', () =>
      withAnother(underTest(), async (setter) => {
        const topic = await newTopic();
        await setter.commit('archiver', topic, 0, 7);
        expect(await wal().committed('archiver', topic, 0)).toBe(7);
        await wal().commit('archiver', topic, 0, 8);
        expect(await setter.committed('archiver', topic, 0)).toBe(8);
        await setter.commit('archiver', topic, 0, 9);
        await setter.close();
        expect(await wal().committed('archiver', topic, 0)).toBe(9);
      }));

    it('may be set by two instances at once', () =>
      withAnother(underTest(), async (other) => {
        const topic = await newTopic();
        const marks = numbered(6).map((_, index) => index);
        await Promise.all(
          marks.map((mark) => (mark % 2 === 0 ? wal() : other).commit('archiver', topic, 0, mark)),
        );
        expect(marks).toContain(await wal().committed('archiver', topic, 0));
      }));

    it('do not lead a reader', async () => {
      const topic = await newTopic();
      await fill(wal(), topic, 0, numbered(3));
      await wal().commit('archiver', topic, 0, 2);
      expect((await readAll(wal(), topic, 0)).map(textOf)).toEqual(numbered(3));
      expect(await wal().bounds(topic, 0)).toEqual({ startOffset: 0, endOffset: 3 });
    });

    it('are refused where there is no place for them', async () => {
      const topic = await newTopic(2);
      for (const offset of [-1, 0.5, Number.NaN, 2 ** 53])
        expect(await codeOf(wal().commit('archiver', topic, 0, offset))).toBe('INVALID_ARGUMENT');
      for (const group of ['', 'a/b', 'a'.repeat(201)]) {
        expect(await codeOf(wal().commit(group, topic, 0, 0))).toBe('INVALID_ARGUMENT');
        expect(await codeOf(wal().committed(group, topic, 0))).toBe('INVALID_ARGUMENT');
      }
      expect(await codeOf(wal().commit('archiver', topic, 2, 0))).toBe('TOPIC_MISMATCH');
      expect(await codeOf(wal().committed('archiver', topic, 2))).toBe('TOPIC_MISMATCH');
      expect(await codeOf(wal().commit('archiver', `${topic}x`, 0, 0))).toBe('TOPIC_MISSING');
      expect(await codeOf(wal().committed('archiver', `${topic}x`, 0))).toBe('TOPIC_MISSING');
    });
  });
}
