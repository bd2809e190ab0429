/** Method: the query side over the loop, on a log in memory and real files. */
import { EntError } from '@entdb/base';
import {
  positionToWire,
  type WalRecord,
  type WatchRequest,
  type WatchResponse,
} from '@entdb/contracts';
import { createFleetMap } from '@entdb/fleet';
import type { Call } from '@entdb/service-kit';
import { walTopic } from '@entdb/wal';
import { createGate } from '../gate.ts';
import type { ReaderPool } from '../reader/pool.ts';
import { createTail } from '../tail.ts';
import { poisonOf, recordOf } from '../testing/records.ts';
import { createVolume, partition, type TestVolume } from '../testing/volume.ts';
import { createQueryService } from './query.ts';

const ended = new AbortController();
const open: TestVolume[] = [];
afterEach(async () => {
  for (const volume of open.splice(0)) await volume.close();
});

interface Between {
  readonly watchersMax?: number;
  /** While a reader has its answer and has not given it. */
  readonly whileReading?: () => Promise<void>;
  /** Before tenants that are behind are fed. */
  readonly beforeCatchUp?: () => Promise<void>;
}

async function setUp({ watchersMax = 10, whileReading, beforeCatchUp }: Between = {}) {
  const tail = createTail({ bufferRecordsMax: 100, bufferBytesMax: 1_000_000 });
  const volume = await createVolume({
    tail,
    wrap: (writer) => ({
      call: async (method, params, transfer) => {
        if (method === 'catchUp') await beforeCatchUp?.();
        return writer.call(method, params, transfer);
      },
    }),
  });
  open.push(volume);
  const { tenants, progress, applier, wal } = volume;
  const clock = { now: () => 0, monotonic: () => 0, sleep: async () => {} };
  const gate = createGate({
    shard: 0,
    shards: 1,
    partitions: 1,
    progress,
    tenants,
    lost: applier.lost,
    fleet: createFleetMap({ clock, silenceMaxMs: 1_000 }),
  });
  const readers: ReaderPool = {
    read: async (method, tenantId, request) => {
      const answer = volume.read(tenantId, (reader) =>
        (reader[method] as (request: unknown) => never)(request),
      );
      await whileReading?.();
      return answer;
    },
    forget: async () => {},
    close: async () => {},
  };
  const service = createQueryService({
    gate,
    readers,
    tenants,
    progress,
    tail,
    wal,
    applier,
    watchersMax,
  });
  const watch = (tenantId: string, after?: { offset: number; epoch: number }) => {
    const request: WatchRequest = {
      $typeName: 'entdb.v1.WatchRequest',
      tenantId,
      ...(after && { after: positionToWire({ topic: walTopic, partition, ...after }) }),
    };
    return service.watch!(request, callOf()) as AsyncGenerator<WatchResponse>; // that is what it is written as
  };
  return { volume, service, watch };
}

const callOf = (signal = ended.signal) => ({ signal }) as Call; // all that these handlers look at
const keyOf = async (stream: AsyncGenerator<WatchResponse>) =>
  ((await stream.next()).value as WatchResponse).idempotencyKey;
const body = (of: 'tenantDeleted' | 'tenantCreated'): WalRecord['body'] =>
  of === 'tenantDeleted'
    ? { case: of, value: { $typeName: 'entdb.v1.TenantDeleted', erase: false } }
    : { case: of, value: { $typeName: 'entdb.v1.TenantCreated' } };

describe('Watch', () => {
  const damage = new EntError('STORE_CORRUPT', 'planned');

  it('loses nothing of a tenant that is being rebuilt', async () => {
    const fed = Promise.withResolvers<void>();
    const { volume, watch } = await setUp({ beforeCatchUp: () => fed.promise });
    await volume.append([recordOf('acme', 0), recordOf('acme', 1)]);
    volume.run();
    await volume.applied();
    const stream = watch('acme');
    expect(await keyOf(stream)).toBe('key-0');
    await volume.applier.distrust('acme', damage);
    const next = keyOf(stream);
    await volume.append([recordOf('acme', 2)]);
    await volume.applied();
    fed.resolve();
    expect([await next, await keyOf(stream)]).toEqual(['key-1', 'key-2']);
    await stream.return(undefined);
  });

  it('asks again when the files are given up while it reads them', async () => {
    const harm: (() => Promise<void>)[] = [];
    const { volume, watch } = await setUp({ whileReading: async () => harm.pop()?.() });
    await volume.append([recordOf('acme', 0), recordOf('acme', 1)]);
    volume.run();
    await volume.applied();
    const stream = watch('acme');
    expect(await keyOf(stream)).toBe('key-0');
    harm.push(() => volume.applier.distrust('acme', damage));
    expect(await keyOf(stream)).toBe('key-1');
    expect(harm).toEqual([]);
    await stream.return(undefined);
  });

  it('ends when the tenant stands still', async () => {
    const { volume, watch } = await setUp();
    await volume.append([recordOf('acme', 0)]);
    volume.run();
    await volume.applied();
    const stream = watch('acme');
    expect(await keyOf(stream)).toBe('key-0');
    const next = keyOf(stream);
    await volume.append([poisonOf('acme'), recordOf('acme', 1)]);
    await expect(next).rejects.toMatchObject({ code: 'TENANT_QUARANTINED' });
  });

  it('refuses a tenant that is not there, and another epoch', async () => {
    const { volume, watch } = await setUp();
    await volume.append([recordOf('acme', 0)]);
    volume.run();
    await volume.applied();
    while (!volume.progress.caughtUp(partition)) await new Promise(setImmediate);
    await expect(watch('nobody').next()).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' });
    await expect(watch('acme', { offset: 0, epoch: 7 }).next()).rejects.toMatchObject({
      code: 'STALE_EPOCH',
    });
  });

  it('ends when the tenant is deleted; one that was made again begins with its new life', async () => {
    const { volume, watch } = await setUp();
    await volume.append([recordOf('acme', 0)]);
    volume.run();
    await volume.applied();
    const first = watch('acme');
    expect(await keyOf(first)).toBe('key-0');
    await volume.append([recordOf('acme', 1, { body: body('tenantDeleted') })]);
    await expect(first.next()).rejects.toMatchObject({ code: 'TENANT_DELETED' });
    await volume.append([
      recordOf('acme', 2, { body: body('tenantCreated') }),
      recordOf('acme', 3),
    ]);
    await volume.applied();
    const second = watch('acme');
    expect(await keyOf(second)).toBe('key-3');
    await second.return(undefined);
  });

  it('takes so many watchers and no more, and lets others in when they go', async () => {
    const { volume, watch } = await setUp({ watchersMax: 1 });
    await volume.append([recordOf('acme', 0)]);
    volume.run();
    await volume.applied();
    const first = watch('acme');
    await first.next();
    await expect(watch('acme').next()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await first.return(undefined);
    const second = watch('acme');
    expect(await keyOf(second)).toBe('key-0');
    await second.return(undefined);
  });
});

describe('GetResult', () => {
  const asked = (idempotencyKey: string, wait: boolean) => ({
    $typeName: 'entdb.v1.GetResultRequest' as const,
    scope: { $typeName: 'entdb.v1.ReadScope' as const, tenantId: 'acme' },
    idempotencyKey,
    wait,
  });

  it('waits for the verdict, also of a tenant that is not there yet', async () => {
    const { volume, service } = await setUp();
    volume.run();
    volume.progress.observeEnd(partition, 0);
    const waiting = service.getResult!(asked('key-1', true), callOf());
    await volume.append([recordOf('acme', 0), recordOf('acme', 1)]);
    expect(await waiting).toMatchObject({ result: { position: { offset: 1n } } });
    expect(await service.getResult!(asked('key-9', false), callOf())).not.toHaveProperty('result');
  });

  it('stops waiting with its call', async () => {
    const { volume, service } = await setUp();
    volume.run();
    volume.progress.observeEnd(partition, 0);
    const call = new AbortController();
    const waiting = service.getResult!(asked('key-1', true), callOf(call.signal));
    call.abort(new EntError('DEADLINE_EXCEEDED', 'too late'));
    await expect(waiting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});

it('WaitForPosition answers with where the tenant is, once what was asked for has been applied', async () => {
  const { volume, service } = await setUp();
  await volume.append([recordOf('acme', 0), recordOf('other', 0)]);
  volume.run();
  const scope = {
    $typeName: 'entdb.v1.ReadScope' as const,
    tenantId: 'acme',
    atLeast: positionToWire({ topic: walTopic, partition, offset: 1, epoch: 0 }),
  };
  const request = { $typeName: 'entdb.v1.WaitForPositionRequest' as const, scope };
  expect(await service.waitForPosition!(request, callOf())).toMatchObject({
    position: { offset: 0n },
  });
});
