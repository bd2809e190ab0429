import { describeWal } from '../conformance.ts';
import { createMemoryWal, type AppendFault } from './memory-wal.ts';
import { codeOf, numbered, readAll, record, textOf } from '../conformance/fixture.ts';

const spec = {
  name: 't',
  partitions: 1,
  replicationFactor: 1,
  minInsyncReplicas: 1,
  retentionMs: -1,
  maxMessageBytes: 1_048_588,
};

describeWal('the memory log', async () => {
  const failing = new Set<string>();
  const wal = createMemoryWal({
    faults: ({ topic }) => (failing.delete(topic) ? { kind: 'ackLost' } : undefined),
  });
  return {
    wal,
    another: async () => wal.another(),
    truncateBefore: async (topic, partition, offset) =>
      wal.truncateBefore(topic, partition, offset),
    failNextAppend: (topic) => failing.add(topic),
    cleanup: () => wal.close(),
  };
});

describe('planned faults', () => {
  const walWith = async (planned: readonly (AppendFault | undefined)[]) => {
    const queue = [...planned];
    const wal = createMemoryWal({ faults: () => queue.shift() });
    await wal.createTopics([spec]);
    return wal;
  };

  it.each([
    ['ackLost', ['lost?', 'after']],
    ['rejected', ['after']],
  ] as const)('%s: the sender cannot tell, the log can', async (kind, stored) => {
    const wal = await walWith([{ kind }]);
    const lane = await wal.openLane('t', 0);
    expect(await codeOf(lane.append([record('lost?')]))).toBe('OUTCOME_UNKNOWN');
    await lane.close();
    const next = await wal.openLane('t', 0);
    await next.append([record('after')]);
    expect((await readAll(wal, 't', 0)).map(textOf)).toEqual(stored);
    await wal.close();
  });

  it('delayed: nothing is stored before its time, and other lanes overtake it', async () => {
    const { promise: until, resolve } = Promise.withResolvers<void>();
    const wal = await walWith([{ kind: 'delayed', until }]);
    const [slow, fast] = [await wal.openLane('t', 0), await wal.openLane('t', 0)];
    const delayed = slow.append([record('delayed')]);
    expect(await fast.append([record('overtakes')])).toMatchObject({ baseOffset: 0 });
    resolve();
    expect(await delayed).toMatchObject({ baseOffset: 1 });
    await wal.close();
  });
});

it('takes its times from the clock it is given, and never lets them step back', async () => {
  const times = [50, 20, 70];
  const wal = createMemoryWal({
    clock: {
      now: () => times.shift() ?? 0,
      monotonic: () => 0,
      sleep: () => Promise.reject(new Error('the memory log does not sleep')),
    },
  });
  await wal.createTopics([spec]);
  const lane = await wal.openLane('t', 0);
  for (const text of numbered(3)) await lane.append([record(text)]);
  expect((await readAll(wal, 't', 0)).map((r) => r.timeMs)).toEqual([50, 50, 70]);
  expect(await wal.offsetForTime('t', 0, 51)).toBe(2);
  await wal.close();
});

it('keeps its own copy of a value', async () => {
  const wal = createMemoryWal();
  await wal.createTopics([spec]);
  const lane = await wal.openLane('t', 0);
  const value = Buffer.from('before');
  await lane.append([{ key: 'k', value }]);
  value.fill('x');
  expect((await readAll(wal, 't', 0)).map(textOf)).toEqual(['before']);
  await wal.close();
});
