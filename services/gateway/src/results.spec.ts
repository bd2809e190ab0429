/** Method: verdicts are written to the topic by hand, in the orders that a fast applier and a slow acknowledgement make. */
import {
  EntError,
  parseIdempotencyKey,
  parseTenantId,
  realClock,
  realRng,
  silentLogger,
} from '@entdb/base';
import { encodeResultRecord, positionToWire, type LogPosition } from '@entdb/contracts';
import { createMemoryWal, resultsTopic, walTopic, type MemoryWal } from '@entdb/wal';
import { createResults, type Results } from './results.ts';
import { callerOf } from './testing/requests.ts';

const keyOf = (key: string) => ({
  tenantId: parseTenantId('acme'),
  idempotencyKey: parseIdempotencyKey(key),
});
const at = (offset: number, partition = 3): LogPosition => ({
  topic: walTopic,
  partition,
  offset,
  epoch: 0,
});

let wal: MemoryWal;
let results: Results;

beforeEach(async () => {
  wal = createMemoryWal();
  await wal.createTopics([
    {
      name: resultsTopic,
      partitions: 2,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: 1_000,
      maxMessageBytes: 1_000_000,
    },
  ]);
  await append('acme', verdict('old', at(1)));
  results = createResults({
    wal,
    partition: 1,
    waitingMax: 10,
    verdictWaitMsMax: 10_000,
    clock: realClock,
    rng: realRng,
    logger: silentLogger,
  });
  await results.follow().started;
});

afterEach(async () => {
  results.close();
  await wal.close();
});

function verdict(idempotencyKey: string, askedAt: LogPosition, text = '{}'): Uint8Array {
  return encodeResultRecord({
    $typeName: 'entdb.v1.ResultRecord',
    tenantId: 'acme',
    idempotencyKey,
    askedAt: positionToWire({ ...askedAt, epoch: 7 }),
    verdict: { case: 'resultJson', value: text },
  });
}

async function append(key: string, value: Uint8Array): Promise<void> {
  const lane = await wal.openLane(resultsTopic, 1);
  await lane.append([{ key, value }]);
  await lane.close();
}

/** Everything published before this was read: records of one partition are read in order. */
async function untilRead(): Promise<void> {
  const probe = results.expect(keyOf('probe'), callerOf());
  const seen = probe.verdictAt(at(0));
  await append('acme', verdict('probe', at(0)));
  await seen;
  probe.drop();
}

describe('results', () => {
  it('keeps a verdict that overtakes the acknowledgement', async () => {
    const expectation = results.expect(keyOf('a'), callerOf());
    await append('acme', verdict('a', at(5), '{"n":1}'));
    await untilRead();
    expect(await expectation.verdictAt(at(5))).toMatchObject({ verdict: { value: '{"n":1}' } });
  });

  it('gives the verdict to the record that asked, and to no other of the same key', async () => {
    const expectation = results.expect(keyOf('a'), callerOf());
    await append('acme', verdict('a', at(5), '"early, of another"'));
    await untilRead();
    const seen = expectation.verdictAt(at(6));
    await append('acme', verdict('a', at(6, 2), '"other partition"'));
    await append('acme', verdict('a', { ...at(6), topic: 'other' }, '"other topic"'));
    await append('acme', verdict('b', at(6), '"other key"'));
    await append('acme', verdict('a', at(6), '"right"'));
    await append('acme', verdict('a', at(6), '"of another replica"'));
    expect(await seen).toMatchObject({ verdict: { value: '"right"' } });
  });

  it('holds nothing for keys that nobody waits for, nor after a drop', async () => {
    const expectation = results.expect(keyOf('a'), callerOf());
    expectation.drop();
    expectation.drop();
    expect(results.waiting()).toBe(0);
    await append('acme', verdict('a', at(5)));
    await untilRead();
    const late = results.expect(keyOf('a'), callerOf({ ms: 100 })).verdictAt(at(5));
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('goes on after a record that cannot be read', async () => {
    const expectation = results.expect(keyOf('a'), callerOf());
    await append('acme', Uint8Array.of(1, 2, 3));
    await append('other', verdict('a', at(5))); // not under its own key
    await append('acme', verdict('a', { ...at(5), offset: -1 }));
    await append('acme', verdict('a', at(5), '"good"'));
    expect(await expectation.verdictAt(at(5))).toMatchObject({ verdict: { value: '"good"' } });
  });

  it('begins anew when the topic no longer has what must come next', async () => {
    let consumed = 0;
    const torn: MemoryWal = {
      ...wal,
      consume: async (options) => {
        consumed += 1;
        if (consumed === 1) throw new EntError('LOG_START_PASSED', 'retention was faster');
        await wal.consume(options);
      },
    };
    const own = createResults({
      wal: torn,
      partition: 1,
      waitingMax: 1,
      verdictWaitMsMax: 10_000,
      clock: realClock,
      rng: realRng,
      logger: silentLogger,
    });
    await own.follow().started;
    const seen = own.expect(keyOf('a'), callerOf()).verdictAt(at(5));
    await append('acme', verdict('a', at(5), '"here"'));
    expect(await seen).toMatchObject({ verdict: { value: '"here"' } });
    own.close();
  });

  it('ends every wait when it is closed', async () => {
    const seen = results.expect(keyOf('a'), callerOf()).verdictAt(at(5));
    results.close();
    await expect(seen).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
      facts: { position: { offset: 5 } },
    });
  });

  it('is bound by its own limit where the call lives for hours', async () => {
    const own = createResults({
      wal,
      partition: 1,
      waitingMax: 1,
      verdictWaitMsMax: 30,
      clock: realClock,
      rng: realRng,
      logger: silentLogger,
    });
    const seen = own.expect(keyOf('a'), callerOf({ ms: 86_400_000 })).verdictAt(at(5));
    await expect(seen).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    own.close();
  });
});
