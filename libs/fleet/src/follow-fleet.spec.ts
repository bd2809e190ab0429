import { EntError, realClock, realRng, silentLogger } from '@entdb/base';
import { encodeStatusRecord } from '@entdb/contracts';
import { createMemoryWal, statusTopic, type MemoryWal, type Wal } from '@entdb/wal';
import { createFleetMap } from './fleet-map.ts';
import { followFleet } from './follow-fleet.ts';

const applier = (instance: string) => ({
  key: instance,
  value: encodeStatusRecord({
    $typeName: 'entdb.v1.StatusRecord',
    service: 'applier',
    instance,
    atUs: 0n,
    status: {
      case: 'applier',
      value: {
        $typeName: 'entdb.v1.ApplierStatus',
        shard: 0,
        shards: 1,
        partitions: 1,
        address: `http://${instance}`,
        progress: [],
        tenants: 0n,
        quarantinedTenantIds: [],
      },
    },
  }),
});

/** Follows in the background; `harm` may stand between. */
async function follow(harm: (wal: MemoryWal) => Pick<Wal, 'bounds' | 'consume'> = (wal) => wal) {
  const wal = createMemoryWal();
  await wal.createTopics([
    {
      name: statusTopic,
      partitions: 1,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: -1,
      maxMessageBytes: 1_000_000,
    },
  ]);
  const map = createFleetMap({ clock: realClock, silenceMaxMs: 60_000 });
  const ended = new AbortController();
  const { bounds, consume } = harm(wal);
  const following = followFleet({
    wal: { ...wal, bounds, consume },
    map,
    logger: silentLogger,
    clock: realClock,
    rng: realRng,
    signal: ended.signal,
  });
  following.catch(() => undefined); // looked at by the test
  const lane = await wal.openLane(statusTopic, 0);
  const names = () => map.appliers().map(({ instance }) => instance);
  /** Says it until it is heard: whoever listens from the end on may not listen yet. */
  const heard = async (instance: string) => {
    while (!names().includes(instance)) {
      await lane.append([applier(instance)]);
      await new Promise(setImmediate);
    }
  };
  const close = async () => {
    ended.abort();
    await following;
    await wal.close();
  };
  return { wal, lane, heard, names, following, close };
}

describe('following the fleet', () => {
  it('hears of appliers, and passes over what cannot be read', async () => {
    const { lane, heard, names, close } = await follow();
    await heard('a');
    await lane.append([{ key: 'odd', value: Buffer.from('no record') }]);
    await heard('b');
    expect(names()).toEqual(['a', 'b']);
    await close();
  });

  it.each(['LOG_UNAVAILABLE', 'LOG_START_PASSED', 'LOG_TRUNCATED'] as const)(
    'begins anew after %s',
    async (code) => {
      let failures = 2;
      const { heard, close } = await follow((wal) => ({
        bounds: (topic, partition) => wal.bounds(topic, partition),
        consume: async (wanted) => {
          failures -= 1;
          if (failures >= 0) throw new EntError(code, 'planned');
          await wal.consume(wanted);
        },
      }));
      await heard('a');
      await close();
    },
  );

  it('ends with what does not pass: a topic that is gone', async () => {
    const { following, wal } = await follow(() => ({
      bounds: async () => {
        throw new EntError('TOPIC_MISSING', 'planned');
      },
      consume: async () => {},
    }));
    await expect(following).rejects.toMatchObject({ code: 'TOPIC_MISSING' });
    await wal.close();
  });
});
