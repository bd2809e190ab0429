import { randomUUID } from 'node:crypto';
import { topicFaults } from '../topics.ts';
import { codeOf, type Fixture } from './fixture.ts';

export function describeTopics({ wal, newTopic, spec }: Fixture): void {
  describe('topics', () => {
    it('answers a ping', async () => {
      await wal().ping();
      expect(wal().kind).not.toBe('');
    });

    it('does not know a topic that nobody made', async () => {
      expect(await wal().describeTopic(`conformance-${randomUUID()}`)).toBeUndefined();
    });

    it('makes what is missing, once, and safe by its own description', async () => {
      const there = await newTopic(3);
      const name = `conformance-${randomUUID()}`;
      const specs = [spec(there, 3), { ...spec(name, 2), retentionMs: 3_600_000 }];
      expect(await wal().createTopics(specs)).toEqual([name]);
      expect(await wal().createTopics(specs)).toEqual([]);
      for (const wanted of specs) {
        expect(topicFaults(wanted, await wal().describeTopic(wanted.name))).toEqual([]);
      }
      expect((await wal().describeTopic(name))?.config['retention.ms']).toBe('3600000');
    });

    it('never changes a number of partitions', async () => {
      const topic = await newTopic(2);
      expect(await codeOf(wal().createTopics([spec(topic, 3)]))).toBe('TOPIC_MISMATCH');
      expect((await wal().describeTopic(topic))?.partitions).toBe(2);
    });
  });
}
