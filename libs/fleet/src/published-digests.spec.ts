import { create } from '@bufbuild/protobuf';
import { realClock, type Clock } from '@entdb/base';
import { encodeStatusRecord, StatusRecordSchema } from '@entdb/contracts';
import { createMemoryWal, statusTopic } from '@entdb/wal';
import { createDigestLedger, readPublishedDigests } from './published-digests.ts';

const said = (instance: string, tenantId: string, sequence: number, content: string) => ({
  key: instance,
  value: encodeStatusRecord(
    create(StatusRecordSchema, {
      instance,
      service: 'applier',
      status: {
        case: 'checkpoint',
        value: {
          digests: [
            {
              tenantId,
              position: { topic: 'entdb-wal', partition: 1, offset: BigInt(sequence * 10) },
              sequence: BigInt(sequence),
              canonicalDigest: `c-${content}`,
              mailboxDigest: `m-${content}`,
            },
          ],
        },
      },
    }),
  ),
});
const heartbeat = {
  key: 'a-1',
  value: encodeStatusRecord(
    create(StatusRecordSchema, { instance: 'a-1', status: { case: 'applier', value: {} } }),
  ),
};

async function logWith(
  records: readonly { key: string; value: Uint8Array }[],
  clock: Clock = realClock,
) {
  const wal = createMemoryWal({ clock });
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
  const lane = await wal.openLane(statusTopic, 0);
  for (const record of records) await lane.append([record]);
  return wal;
}

describe('digests that appliers published', () => {
  it('are read from the beginning to the end, among whatever else is said', async () => {
    const wal = await logWith([
      said('a-1', 'acme', 1, 'one'),
      heartbeat,
      { key: 'a-1', value: Buffer.from('not a record') },
      said('a-2', 'acme', 1, 'one'),
      said('a-1', 'other', 7, 'x'),
      said('a-1', 'acme', 2, 'two'),
    ]);
    const all = await readPublishedDigests(wal);
    expect([...all.of('acme')]).toEqual([
      [1, { canonical: 'c-one', mailbox: 'm-one', instances: ['a-1', 'a-2'] }],
      [2, { canonical: 'c-two', mailbox: 'm-two', instances: ['a-1'] }],
    ]);
    expect(all.of('other').size).toBe(1);
    expect(all.contradictions('acme')).toEqual([]);
    const one = await readPublishedDigests(wal, new Set(['acme']));
    expect([one.of('acme').size, one.of('other').size]).toEqual([2, 0]);
    await wal.close();
  });

  it('are none where nothing was said, and those that are left where the topic lost its head', async () => {
    const empty = await logWith([]);
    expect((await readPublishedDigests(empty)).of('acme').size).toBe(0);
    const wal = await logWith([said('a', 'acme', 1, 'x'), said('a', 'acme', 2, 'y')]);
    wal.truncateBefore(statusTopic, 0, 1);
    expect([...(await readPublishedDigests(wal)).of('acme').keys()]).toEqual([2]);
    wal.truncateBefore(statusTopic, 0, 2);
    expect((await readPublishedDigests(wal)).of('acme').size).toBe(0);
    await Promise.all([empty.close(), wal.close()]);
  });

  it('are those since a time, where one is said', async () => {
    let nowMs = 0;
    const clock: Clock = { ...realClock, now: () => (nowMs += 1_000) };
    const wal = await logWith(
      [1, 2, 3].map((n) => said('a', 'acme', n, 'x')),
      clock,
    );
    const since = async (sinceMs: number) => [
      ...(await readPublishedDigests(wal, undefined, { sinceMs })).of('acme').keys(),
    ];
    expect(await since(2_000)).toEqual([2, 3]);
    expect(await since(3_001)).toEqual([]);
    await wal.close();
  });

  it('go on where the head is dropped between the look and the reading', async () => {
    const wal = await logWith([said('a', 'acme', 1, 'x'), said('a', 'acme', 2, 'y')]);
    let dropped = false;
    const ledger = await readPublishedDigests({
      bounds: (topic, partition) => wal.bounds(topic, partition),
      offsetForTime: (topic, partition, timeMs) => wal.offsetForTime(topic, partition, timeMs),
      consume: (options) => {
        if (!dropped) wal.truncateBefore(statusTopic, 0, 1);
        dropped = true;
        return wal.consume(options);
      },
    });
    expect([...ledger.of('acme').keys()]).toEqual([2]);
    await wal.close();
  });

  it('that contradict each other are told as that, and are no evidence', () => {
    const ledger = createDigestLedger();
    ledger.hear(said('a-1', 'acme', 5, 'this'));
    ledger.hear(said('a-2', 'acme', 5, 'that'));
    ledger.hear(said('a-1', 'acme', 5, 'this'));
    expect(ledger.of('acme').size).toBe(0);
    expect(ledger.contradictions('acme')).toEqual([
      {
        tenantId: 'acme',
        sequence: 5,
        said: [
          { instance: 'a-1', offset: 50, canonical: 'c-this', mailbox: 'm-this' },
          { instance: 'a-2', offset: 50, canonical: 'c-that', mailbox: 'm-that' },
        ],
      },
    ]);
  });

  it('are those that an instance said last of a record', () => {
    const ledger = createDigestLedger();
    ledger.hear(said('a-1', 'acme', 5, 'right'));
    ledger.hear(said('a-2', 'acme', 5, 'wrong'));
    ledger.hear(said('a-2', 'acme', 5, 'right'));
    expect(ledger.contradictions('acme')).toEqual([]);
    expect(ledger.of('acme').get(5)).toMatchObject({ canonical: 'c-right' });
  });

  it('are remembered up to a number, the newest of them', () => {
    const ledger = createDigestLedger({ perTenantMax: 3 });
    for (let n = 1; n <= 10; n += 1) ledger.hear(said('a', 'acme', n, 'x'));
    expect([...ledger.of('acme').keys()]).toEqual([8, 9, 10]);
  });

  it('are remembered of a number of tenants, those that were spoken of last', () => {
    const ledger = createDigestLedger({ tenantsMax: 2 });
    for (const tenant of ['acme', 'other', 'acme', 'third']) ledger.hear(said('a', tenant, 1, 'x'));
    expect(['acme', 'other', 'third'].map((tenant) => ledger.of(tenant).size)).toEqual([1, 0, 1]);
  });

  it('name so many who agree, and never miss one who does not', () => {
    const ledger = createDigestLedger();
    for (let n = 0; n < 100; n += 1) ledger.hear(said(`a-${n}`, 'acme', 1, 'x'));
    expect(ledger.of('acme').get(1)?.instances).toHaveLength(16);
    ledger.hear(said('odd', 'acme', 1, 'y'));
    expect(ledger.of('acme').size).toBe(0);
    expect(ledger.contradictions('acme')[0]?.said.at(-1)).toMatchObject({ instance: 'odd' });
  });

  it('end with the signal', async () => {
    const wal = await logWith([heartbeat]);
    const reason = new Error('enough');
    await expect(
      readPublishedDigests(wal, undefined, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    await wal.close();
  });
});
