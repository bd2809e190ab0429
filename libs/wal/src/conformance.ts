import { randomUUID } from 'node:crypto';
import { describeAppend } from './conformance/append.ts';
import { describeConsume } from './conformance/consume.ts';
import { describeInstances } from './conformance/instances.ts';
import { describeMarks } from './conformance/marks.ts';
import { describePositions } from './conformance/positions.ts';
import { describeTopics } from './conformance/topics.ts';
import type { Fixture, WalUnderTest } from './conformance/fixture.ts';

export type { WalUnderTest } from './conformance/fixture.ts';

/**
 * The contract of `Wal` as tests: each adapter must pass them, so that a test on one speaks for the others.
 * One log is made for all of them; each test has topics of its own.
 */
export function describeWal(name: string, makeWal: () => Promise<WalUnderTest>): void {
  describe(`${name} keeps the contract of Wal`, () => {
    let made: WalUnderTest | undefined;
    const underTest = () => {
      if (!made) throw new Error('the log has not been made yet');
      return made;
    };
    const fixture: Fixture = {
      underTest,
      wal: () => underTest().wal,
      newTopic: async (partitions = 1) => {
        const topic = `conformance-${randomUUID()}`;
        const made = await underTest().wal.createTopics([fixture.spec(topic, partitions)]);
        expect(made).toEqual([topic]);
        return topic;
      },
      spec: (topic, partitions) => ({
        name: topic,
        partitions,
        replicationFactor: 1,
        minInsyncReplicas: 1,
        retentionMs: -1,
        maxMessageBytes: 1_048_588,
      }),
    };

    beforeAll(async () => {
      made = await makeWal();
    });
    afterAll(async () => {
      await made?.cleanup();
    });

    describeTopics(fixture);
    describeAppend(fixture);
    describeConsume(fixture);
    describePositions(fixture);
    describeMarks(fixture);
    describeInstances(fixture);
  });
}
