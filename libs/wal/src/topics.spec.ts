import fc from 'fast-check';
import { createMemoryWal } from './memory/memory-wal.ts';
import { assertTopics, defaultTopicSettings, topicFaults, topicSpecs } from './topics.ts';
import type { TopicDescription, TopicSpec, Wal } from './wal.ts';

const spec: TopicSpec = {
  name: 'entdb-wal',
  partitions: 8,
  replicationFactor: 3,
  minInsyncReplicas: 2,
  retentionMs: 1_000,
  maxMessageBytes: 1_048_588,
};

const safe: TopicDescription = {
  name: 'entdb-wal',
  partitions: 8,
  replicationFactor: 3,
  config: {
    'min.insync.replicas': '2',
    'unclean.leader.election.enable': 'false',
    'cleanup.policy': 'delete',
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': '1048588',
  },
};

const withConfig = (name: string, value: string): TopicDescription => ({
  ...safe,
  config: { ...safe.config, [name]: value },
});

describe('topicFaults', () => {
  it('finds nothing wrong with a topic as specified, or better', () => {
    expect(topicFaults(spec, safe)).toEqual([]);
    expect(
      topicFaults(spec, { ...withConfig('min.insync.replicas', '3'), replicationFactor: 5 }),
    ).toEqual([]);
  });

  it.each([
    ['a missing topic', undefined, 'missing'],
    ['another number of partitions', { ...safe, partitions: 9 }, 'mismatch'],
    ['too few copies', { ...safe, replicationFactor: 2 }, 'unsafe'],
    ['an acknowledgement of one copy', withConfig('min.insync.replicas', '1'), 'unsafe'],
    ['elections that lose records', withConfig('unclean.leader.election.enable', 'true'), 'unsafe'],
    ['compaction', withConfig('cleanup.policy', 'compact'), 'unsafe'],
    ['compaction beside deletion', withConfig('cleanup.policy', 'compact,delete'), 'unsafe'],
    ['times of the sender', withConfig('message.timestamp.type', 'CreateTime'), 'unsafe'],
    ['messages that may be too small', withConfig('max.message.bytes', '1048587'), 'unsafe'],
  ])('names %s, and the remedy', (_what, actual, kind) => {
    const faults = topicFaults(spec, actual);
    expect(faults).toMatchObject([{ topic: 'entdb-wal', kind }]);
    expect(faults[0]?.remedy).not.toBe('');
  });

  it('takes a setting that is not known for unsafe (property)', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(safe.config)), (name) => {
        const { [name]: _, ...config } = safe.config;
        expect(topicFaults(spec, { ...safe, config })).toMatchObject([{ kind: 'unsafe' }]);
      }),
    );
  });
});

describe('assertTopics', () => {
  const single = topicSpecs({
    ...defaultTopicSettings,
    replicationFactor: 1,
    minInsyncReplicas: 1,
  });
  const making = async (specs: readonly TopicSpec[]): Promise<Wal> => {
    const wal = createMemoryWal();
    await wal.createTopics(specs);
    return wal;
  };

  it('passes what createTopics made', async () => {
    expect(await assertTopics(await making(single), single, { allowUnsafe: false })).toEqual([]);
  });

  it('names every missing topic and how to make them', async () => {
    const asserted = assertTopics(await making(single.slice(0, 1)), single, { allowUnsafe: true });
    await expect(asserted).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      message: expect.stringMatching(/entdb-results.*entdb-status/),
      facts: { hint: 'run: entdb topics create' },
    });
  });

  it('lets unsafe settings pass only on request, and another number of partitions never', async () => {
    const wal = await making(single);
    const replicated = topicSpecs(defaultTopicSettings);
    await expect(assertTopics(wal, replicated, { allowUnsafe: false })).rejects.toMatchObject({
      code: 'TOPIC_UNSAFE',
    });
    expect(await assertTopics(wal, replicated, { allowUnsafe: true })).toHaveLength(6);
    const more = topicSpecs({ ...defaultTopicSettings, walPartitions: 16 });
    await expect(assertTopics(wal, more, { allowUnsafe: true })).rejects.toMatchObject({
      code: 'TOPIC_MISMATCH',
    });
  });
});
