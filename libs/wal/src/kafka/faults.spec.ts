import { EntError, isEntError } from '@entdb/base';
import * as fc from 'fast-check';
import type { Producer } from 'kafkajs';
import type { AppendRecord, Lane } from '../wal.ts';
import { openClient } from './client.ts';
import { openKafkaLane, type KafkaLaneOptions } from './lane.ts';
import {
  startScriptedCluster,
  type ProduceFault,
  type ScriptedCluster,
} from './testing/scripted-broker.ts';
import { parseKafkaSettings, type KafkaTiming } from './settings.ts';

/**
 * The ways in which kafkajs's idempotent producer loses acknowledged writes, case by case (A to I), against brokers that apply
 * Kafka's own rule for repeats. For each: what a lane acknowledges stands at the offset that it named, once. And for the cases
 * that lose with plain kafkajs: that they do lose here, or the brokers would prove nothing.
 */
const timing: Partial<KafkaTiming> = {
  connectionTimeoutMs: 500,
  ackTimeoutMs: 100,
  requestTimeoutMs: 400,
  metadataAgeMaxMs: 100,
  retryInitialMs: 5,
  retryMaxMs: 10,
  retries: 20,
  appendDeadlineMs: 10_000,
  callDeadlineMs: 3_000,
  closeWaitMs: 200,
};

let cluster: ScriptedCluster;
let lanes: Lane[];
beforeEach(async () => {
  cluster = await startScriptedCluster(2);
  lanes = [];
});
afterEach(async () => {
  await Promise.all(lanes.map((lane) => lane.close()));
  await eventually(() => cluster.connections === 0);
  await cluster.close();
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Fails by the test's own time limit. */
async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

const record = (text: string): AppendRecord => ({ key: 'tenant', value: Buffer.from(text) });

async function openLane(
  partition = 0,
  options: Partial<KafkaLaneOptions> & { timing?: Partial<KafkaTiming> } = {},
) {
  const config = parseKafkaSettings({
    brokers: cluster.bootstrap,
    timing: { ...timing, ...options.timing },
  });
  const lane = await openKafkaLane(config, { topic: cluster.topic, partition, ...options });
  lanes.push(lane);
  return lane;
}

/** With times so short that a busy machine may miss them: then once more, as any caller would. */
async function openPatiently(short: Partial<KafkaTiming>): Promise<Lane> {
  for (;;) {
    try {
      return await openLane(0, { timing: short });
    } catch (error) {
      if (!isEntError(error, 'LOG_UNAVAILABLE')) throw error;
    }
  }
}

/** What a caller was told of one append. */
interface Outcome {
  readonly texts: readonly string[];
  /** Undefined when it was not acknowledged. */
  readonly baseOffset: number | undefined;
  readonly code: string | undefined;
}

async function append(lane: Lane, ...texts: readonly string[]): Promise<Outcome> {
  try {
    const { baseOffset } = await lane.append(texts.map(record));
    return { texts, baseOffset, code: undefined };
  } catch (error) {
    if (error instanceof EntError) return { texts, baseOffset: undefined, code: error.code };
    throw error;
  }
}

/** Appends of one record each that go out as batches of their own, all before the first answer. */
async function appendSeparately(
  lane: Lane,
  ...texts: readonly string[]
): Promise<readonly Outcome[]> {
  const pending: Promise<Outcome>[] = [];
  for (const text of texts) {
    pending.push(append(lane, text));
    await turn();
  }
  return Promise.all(pending);
}

/** The texts that were acknowledged and do not stand where the receipt says. */
function lost(outcomes: readonly Outcome[], partition = 0): readonly string[] {
  const { values } = cluster.log(partition);
  return outcomes.flatMap(({ texts, baseOffset }) =>
    baseOffset === undefined ? [] : texts.filter((text, i) => values[baseOffset + i] !== text),
  );
}

const repeated = (partition = 0) => {
  const { values } = cluster.log(partition);
  return values.filter((value, i) => values.indexOf(value) !== i);
};

const codes = (outcomes: readonly Outcome[]) => outcomes.map(({ code }) => code ?? 'ok');

/** kafkajs as its manual says: one producer for everybody. Only the sockets are ours, because it leaves some open. */
async function withPlain<T>(use: (producer: Producer) => Promise<T>): Promise<T> {
  const client = openClient(
    parseKafkaSettings({ brokers: cluster.bootstrap, timing: { ...timing, retries: 5 } }),
  );
  const { retry } = client;
  try {
    return await use(
      client.kafka.producer({ idempotent: true, retry, createPartitioner: () => () => 0 }),
    );
  } finally {
    client.cut();
  }
}

async function plainSend(producer: Producer, ...texts: readonly string[]): Promise<Outcome> {
  try {
    const messages = texts.map((text) => ({ value: text, partition: 0 }));
    const [result] = await producer.send({ topic: cluster.topic, messages });
    return { texts, baseOffset: Number(result?.baseOffset), code: undefined };
  } catch (error) {
    return {
      texts,
      baseOffset: undefined,
      code: error instanceof Error ? error.name : String(error),
    };
  }
}

const sequential: readonly (readonly [name: string, fault: ProduceFault])[] = [
  ['A: written, but the answer comes too late', 'ack-lost'],
  ['E: NOT_ENOUGH_REPLICAS_AFTER_APPEND once', 'not-enough-replicas-after-append'],
  ['G: written, then the connection dies', 'dies-after-append'],
  ['NOT_ENOUGH_REPLICAS once', 'not-enough-replicas'],
  ['the connection dies before anything is written', 'dies-before-append'],
];

describe('one fault among appends that are made at once', () => {
  it.each(sequential)('%s: each is acknowledged, and written once', async (_name, fault) => {
    cluster.script(fault);
    const outcomes = await appendSeparately(await openLane(), 'a', 'b', 'c');
    expect(codes(outcomes)).toEqual(['ok', 'ok', 'ok']);
    expect(lost(outcomes)).toEqual([]);
    expect(cluster.log(0).values).toEqual(['a', 'b', 'c']);
  });

  it.each(sequential)('%s: also when every second request meets it', async (_name, fault) => {
    const lane = await openLane();
    const outcomes: Outcome[] = [];
    for (const text of ['a', 'b', 'c', 'd']) {
      cluster.script(fault, 'none');
      outcomes.push(...(await appendSeparately(lane, `${text}1`, `${text}2`)));
    }
    expect(lost(outcomes)).toEqual([]);
    expect(codes(outcomes)).toEqual(outcomes.map(() => 'ok'));
    expect(repeated()).toEqual([]);
    expect(cluster.log(0).values).toHaveLength(8);
  });

  it.each(sequential.slice(0, 3))(
    '%s: plain kafkajs acknowledges a write that it loses',
    async (_name, fault) => {
      cluster.script(fault);
      const outcomes = await withPlain(async (producer) => {
        await producer.connect();
        return Promise.all(['a', 'b', 'c'].map((text) => plainSend(producer, text)));
      });
      expect(codes(outcomes)).toEqual(['ok', 'ok', 'ok']);
      expect(lost(outcomes)).toHaveLength(1);
      expect(repeated()).toHaveLength(1);
    },
  );
});

describe('B: the retries run out', () => {
  it('the batch in flight is unknown, what waited was not sent, and the lane is never used again', async () => {
    const lane = await openLane(0, { timing: { retries: 2 } });
    cluster.always('ack-lost');
    const outcomes = await appendSeparately(lane, 'a', 'b');
    expect(codes(outcomes)).toEqual(['OUTCOME_UNKNOWN', 'LANE_POISONED']);
    expect(lane.poisoned).toBe(true);
    cluster.always(undefined);
    const sentBefore = cluster.produceRequests;
    expect(codes([await append(lane, 'c')])).toEqual(['LANE_POISONED']);
    expect(cluster.produceRequests).toBe(sentBefore);

    const again = await openLane();
    const retried = [await append(again, 'a'), await append(again, 'b')];
    expect(lost(retried)).toEqual([]);
    expect(cluster.log(0).values).toEqual(['a', 'a', 'b']); // "a" was unknown and repeated by its caller: not by us
  });

  it('plain kafkajs acknowledges the next write without writing it', async () => {
    const outcomes = await withPlain(async (producer) => {
      await producer.connect();
      cluster.always('dies-after-append');
      const first = await plainSend(producer, 'a');
      cluster.always(undefined);
      return [first, await plainSend(producer, 'b')];
    });
    expect(outcomes[0]?.baseOffset).toBeUndefined();
    expect(lost(outcomes)).toEqual(['b']);
  });

  it('B2: a failed batch of two does not make the next ones fail', async () => {
    const lane = await openLane(0, { timing: { retries: 2 } });
    cluster.always('dies-after-append');
    expect(codes([await append(lane, 'a', 'b')])).toEqual(['OUTCOME_UNKNOWN']);
    cluster.always(undefined);
    const again = await openLane();
    const outcomes = await appendSeparately(again, 'c', 'd');
    expect(codes(outcomes)).toEqual(['ok', 'ok']);
    expect(lost(outcomes)).toEqual([]);
    expect(cluster.log(0).values).toEqual(['a', 'b', 'c', 'd']);
  });

  it('a request that the broker takes up after the lane was given up loses nothing', async () => {
    const lane = await openLane(0, { timing: { retries: 1 } });
    cluster.always('held');
    expect(codes([await append(lane, 'a')])).toEqual(['OUTCOME_UNKNOWN']);
    cluster.always(undefined);
    const again = await openLane();
    const before = await append(again, 'b');
    cluster.release(); // both tries of the old producer: one late append, one repeat of it
    const after = await append(again, 'c');
    expect(lost([before, after])).toEqual([]);
    expect(cluster.log(0).values).toEqual(['b', 'a', 'c']);
  });
});

describe('leaders', () => {
  it('C: a leader that moves between tries gets the write', async () => {
    const [first, second] = [await openLane(0), await openLane(1)];
    cluster.moveLeader(1, 2);
    const warm = [await append(first, 'a'), await append(second, 'x')];
    cluster.script('dies-before-append');
    cluster.moveLeader(1, 1);
    const moved = await append(second, 'y');
    cluster.moveLeader(0, 2);
    const other = await append(first, 'b');
    expect(lost([warm[0]!, other])).toEqual([]);
    expect(lost([warm[1]!, moved], 1)).toEqual([]);
    expect(cluster.log(0).values).toEqual(['a', 'b']);
    expect(cluster.log(1).values).toEqual(['x', 'y']);
  });

  it('D: a broker that fails makes no other one be sent to again', async () => {
    cluster.moveLeader(1, 2);
    const [first, second] = [await openLane(0), await openLane(1)];
    cluster.script('held', 'dies-before-append');
    const slow = append(first, 'a');
    await eventually(() => cluster.produceRequests === 1);
    const failing = await append(second, 'x');
    cluster.release();
    expect(lost([await slow])).toEqual([]);
    expect(lost([failing], 1)).toEqual([]);
    expect(cluster.log(0).values).toEqual(['a']);
    expect(cluster.log(1).values).toEqual(['x']);
  });

  it('F: the leader’s host vanishes without a word, and another broker is elected', async () => {
    const lane = await openLane();
    const before = await append(lane, 'a');
    cluster.vanish(1);
    cluster.moveLeader(0, 2);
    const outcomes = [before, ...(await appendSeparately(lane, 'b', 'c'))];
    expect(codes(outcomes)).toEqual(['ok', 'ok', 'ok']);
    expect(lost(outcomes)).toEqual([]);
    expect(cluster.log(0).values).toEqual(['a', 'b', 'c']);
  });

  it('F: the leader writes, then vanishes before it answers', async () => {
    const lane = await openLane();
    cluster.script('ack-lost');
    const pending = append(lane, 'a');
    await eventually(() => cluster.produceRequests === 1);
    cluster.vanish(1);
    cluster.moveLeader(0, 2);
    const outcome = await pending;
    expect(codes([outcome])).toEqual(['ok']);
    expect(lost([outcome])).toEqual([]);
    expect(cluster.log(0).values).toEqual(['a']);
  });
});

describe('H: the producer id cannot be had', () => {
  it('the lane does not open, and nothing is sent', async () => {
    cluster.initProducerId(false);
    await expect(openLane()).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    expect(cluster.produceRequests).toBe(0);
    cluster.initProducerId(true);
    const outcome = await append(await openLane(), 'a');
    expect(lost([outcome])).toEqual([]);
    expect(cluster.log(0).producerIds).not.toContain(-1);
  });

  it('plain kafkajs sends all the same, without idempotence', async () => {
    cluster.initProducerId(false);
    await withPlain(async (producer) => {
      await expect(producer.connect()).rejects.toThrow();
      await plainSend(producer, 'a');
    });
    expect(cluster.log(0).producerIds).toEqual([-1]);
  });
});

describe('I: too few replicas, for long', () => {
  it('the lane gives up in bounded time with nothing written, and another goes on when they are back', async () => {
    const lane = await openLane(0, { timing: { retries: 5 } });
    cluster.always('not-enough-replicas');
    expect(codes(await appendSeparately(lane, 'a', 'b'))).toEqual([
      'OUTCOME_UNKNOWN',
      'LANE_POISONED',
    ]);
    expect(cluster.produceRequests).toBe(6);
    expect(cluster.log(0).values).toEqual([]);
    cluster.always(undefined);
    const outcome = await append(await openLane(), 'a');
    expect(lost([outcome])).toEqual([]);
  });

  it('the deadline of an append ends its retries', async () => {
    const lane = await openLane(0, { timing: { retries: 1_000, appendDeadlineMs: 100 } });
    cluster.always('not-enough-replicas');
    expect(codes([await append(lane, 'a')])).toEqual(['OUTCOME_UNKNOWN']);
    await eventually(() => cluster.connections === 0);
    const sent = cluster.produceRequests;
    cluster.always(undefined);
    await lane.close();
    expect(cluster.produceRequests).toBe(sent);
    expect(cluster.log(0).values).toEqual([]);
  });
});

describe('the lane itself', () => {
  it('takes a new producer long before the sequence numbers run out', async () => {
    const lane = await openLane(0, { recordsPerProducer: 5 });
    const outcomes: Outcome[] = [];
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f'])
      outcomes.push(await append(lane, `${text}1`, `${text}2`));
    expect(lost(outcomes)).toEqual([]);
    expect(cluster.log(0).values).toHaveLength(12);
    expect(cluster.log(0).producerIds).toHaveLength(3);
  });

  it('is given up when its producer cannot be replaced', async () => {
    const lane = await openLane(0, { recordsPerProducer: 2 });
    const first = await append(lane, 'a', 'b');
    cluster.initProducerId(false);
    const second = await append(lane, 'c');
    expect(codes([first, second])).toEqual(['ok', 'OUTCOME_UNKNOWN']);
    expect(cluster.log(0).values).toEqual(['a', 'b']);
  });

  it('takes no answer for a confirmation that is none: kafkajs resolves with nothing for a partition that is not there', async () => {
    const outcome = await append(await openLane(7), 'a');
    expect(outcome.code).toBe('OUTCOME_UNKNOWN');
  });

  it('closes in bounded time though its last request is never answered', async () => {
    const lane = await openLane(0, {
      timing: { requestTimeoutMs: 60_000, ackTimeoutMs: 50_000, retries: 1_000 },
    });
    cluster.always('held');
    const pending = append(lane, 'a');
    await eventually(() => cluster.produceRequests === 1);
    await lane.close();
    expect((await pending).code).toBe('OUTCOME_UNKNOWN');
  });

  it('does not open on brokers that do not answer', async () => {
    cluster.vanish(1);
    cluster.vanish(2);
    await expect(openLane()).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  });
});

it('whatever the faults, acknowledged means written where it was said, and only unknowns are repeated (property)', async () => {
  const fault = fc.constantFrom<ProduceFault>(
    'none',
    'not-enough-replicas',
    'not-enough-replicas-after-append',
    'dies-after-append',
    'dies-before-append',
    'ack-lost',
    'held',
  );
  const step = fc.record({
    faults: fc.array(fault, { maxLength: 4 }),
    calls: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
    leader: fc.constantFrom<1 | 2>(1, 2),
    release: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      await cluster.close();
      cluster = await startScriptedCluster();
      const quick = { retries: 2, requestTimeoutMs: 20, ackTimeoutMs: 10 };
      const outcomes: Outcome[] = [];
      let lane = await openPatiently(quick);
      let names = 0;
      for (const { faults, calls, leader, release } of steps) {
        cluster.script(...faults);
        cluster.moveLeader(0, leader);
        const texts = calls.map((count) => Array.from({ length: count }, () => `r${names++}`));
        const told = await Promise.all(texts.map((some) => append(lane, ...some)));
        outcomes.push(...told);
        if (release) cluster.release();
        if (!lane.poisoned) continue;
        await lane.close();
        lane = await openPatiently(quick);
        for (const { texts: some, code } of told) {
          if (code !== undefined) outcomes.push(await append(lane, ...some));
          if (lane.poisoned) lane = await openPatiently(quick);
        }
      }
      cluster.release();
      await lane.close();
      expect(lost(outcomes)).toEqual([]);
      const unknown = new Set(
        outcomes.filter(({ code }) => code === 'OUTCOME_UNKNOWN').flatMap(({ texts }) => texts),
      );
      expect(repeated().filter((text) => !unknown.has(text))).toEqual([]);
    }),
    { numRuns: 25 },
  );
});
