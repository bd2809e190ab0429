/** Method: the query side over the loop, on a log in memory and real files. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, realClock, realRng } from '@entdb/base';
import {
  positionToWire,
  type WalRecord,
  type WatchRequest,
  type WatchResponse,
} from '@entdb/contracts';
import { createFleetMap } from '@entdb/fleet';
import { createDirectoryStore } from '@entdb/object-store';
import type { Call } from '@entdb/service-kit';
import { tenantDir, tenantFacts } from '@entdb/tenant-store';
import { walTopic } from '@entdb/wal';
import { createGate } from '../gate.ts';
import type { ReaderPool } from '../reader/pool.ts';
import { createTail } from '../tail.ts';
import { createTestArchive } from '../testing/archive.ts';
import { poisonOf, recordOf } from '../testing/records.ts';
import { restoreRecordOf } from '../testing/restore-record.ts';
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
    lost: () => applier.lost,
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

  it('refuses a tenant that is not there', async () => {
    const { volume, watch } = await setUp();
    await volume.append([recordOf('acme', 0)]);
    volume.run();
    await volume.applied();
    while (!volume.progress.caughtUp(partition)) await new Promise(setImmediate);
    await expect(watch('nobody').next()).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' });
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

describe('epochs', () => {
  /** acme was deleted and made again: its second life is epoch 2, and has two nodes. */
  const inSecondLife = async (between: Between = {}) => {
    const set = await setUp(between);
    await set.volume.append([
      recordOf('acme', 0),
      recordOf('acme', 1, { body: body('tenantDeleted') }),
      recordOf('acme', 2, { body: body('tenantCreated') }),
      recordOf('acme', 3),
      recordOf('acme', 4),
    ]);
    set.volume.run();
    await set.volume.applied();
    return set;
  };
  const scopeAt = (offset: number, epoch: number) => ({
    $typeName: 'entdb.v1.ReadScope' as const,
    tenantId: 'acme',
    atLeast: positionToWire({ topic: walTopic, partition, offset, epoch }),
  });
  const node = (scope: ReturnType<typeof scopeAt>) => ({
    $typeName: 'entdb.v1.GetNodeRequest' as const,
    scope,
    typeId: 1,
    id: 'node-3',
  });
  const stale = {
    code: 'STALE_EPOCH',
    facts: { position: { offset: 4, epoch: 2 }, metadata: { epoch: '2', asked_epoch: '1' } },
  };

  it('that have ended are refused by every read, with the present one and where the tenant is', async () => {
    const { service, watch } = await inSecondLife();
    const scope = scopeAt(0, 1);
    await expect(service.getNode!(node(scope), callOf())).rejects.toMatchObject(stale);
    await expect(
      service.waitForPosition!({ $typeName: 'entdb.v1.WaitForPositionRequest', scope }, callOf()),
    ).rejects.toMatchObject(stale);
    await expect(
      service.getResult!(
        { $typeName: 'entdb.v1.GetResultRequest', scope, idempotencyKey: 'key-3', wait: true },
        callOf(),
      ),
    ).rejects.toMatchObject(stale);
    await expect(watch('acme', { offset: 0, epoch: 1 }).next()).rejects.toMatchObject(stale);
    // The present one, and one that is not known, are answered.
    for (const epoch of [2, 0])
      expect(await service.getNode!(node(scopeAt(3, epoch)), callOf())).toHaveProperty('node');
  });

  it('are judged by the state that was read, not by the one before', async () => {
    const during: (() => Promise<void>)[] = [];
    const { volume, service } = await setUp({ whileReading: async () => during.pop()?.() });
    await volume.append([recordOf('acme', 3)]);
    volume.run();
    await volume.applied();
    // The answer is there, of epoch 1; by the time that it is given the tenant is in epoch 2.
    during.push(async () => {
      await volume.append([
        recordOf('acme', 1, { body: body('tenantDeleted') }),
        recordOf('acme', 2, { body: body('tenantCreated') }),
      ]);
      await volume.applied();
    });
    expect(await service.getNode!(node(scopeAt(0, 1)), callOf())).toMatchObject({
      position: { epoch: 1n },
    });
    expect(during).toEqual([]);
    await expect(service.getNode!(node(scopeAt(0, 1)), callOf())).rejects.toMatchObject({
      code: 'STALE_EPOCH',
    });
  });

  it('that are still to come are waited for, until the deadline', async () => {
    const { volume, service } = await setUp();
    await volume.append([
      recordOf('acme', 0),
      recordOf('acme', 1, { body: body('tenantDeleted') }),
    ]);
    volume.run();
    await volume.applied();
    const waiting = service.waitForPosition!(
      { $typeName: 'entdb.v1.WaitForPositionRequest', scope: scopeAt(1, 2) },
      callOf(),
    );
    await volume.append([recordOf('acme', 2, { body: body('tenantCreated') })]);
    expect(await waiting).toMatchObject({ position: { offset: 2n, epoch: 2n } });

    const call = new AbortController();
    const late = service.getNode!(node(scopeAt(2, 3)), callOf(call.signal));
    call.abort(new EntError('DEADLINE_EXCEEDED', 'too late'));
    await expect(late).rejects.toMatchObject({
      code: 'POSITION_NOT_REACHED',
      facts: { tenantId: 'acme' },
    });
  });

  it('begin with a restore in place: a live watch ends there, and goes on after it', async () => {
    const { volume, service, watch } = await setUp();
    await volume.append([recordOf('acme', 0), recordOf('acme', 1)]);
    volume.run();
    await volume.applied();
    const early = tenantFacts(tenantDir(volume.dir, 'acme'), 'acme');
    const directory = join(volume.dir, 'objects');
    mkdirSync(directory);
    const store = createDirectoryStore({ directory, clock: realClock, rng: realRng });
    const archive = createTestArchive({ wal: volume.wal, store, cacheDir: volume.dir });
    await archive.archive(partition);
    await volume.append([recordOf('acme', 2)]);
    const live = watch('acme', { offset: 1, epoch: 1 });
    expect(await keyOf(live)).toBe('key-2');
    const next = live.next();
    await volume.append([
      restoreRecordOf(early, 0, { expectedEpoch: 9 }), // rejected: no event, and no end
      recordOf('acme', 3),
    ]);
    expect((await next).value).toMatchObject({ idempotencyKey: 'key-3' });
    await volume.append([restoreRecordOf(early, 1, { expectedEpoch: 1 }), recordOf('acme', 4)]);
    await expect(live.next()).rejects.toMatchObject({
      code: 'STALE_EPOCH',
      facts: { position: { offset: 5, epoch: 2 }, metadata: { epoch: '2', asked_epoch: '1' } },
    });
    const after = watch('acme', { offset: 5, epoch: 2 });
    expect(await keyOf(after)).toBe('key-4');
    await after.return(undefined);
    expect(await service.getNode!(node(scopeAt(6, 2)), callOf())).not.toHaveProperty('node');
    await expect(service.getNode!(node(scopeAt(4, 1)), callOf())).rejects.toMatchObject({
      code: 'STALE_EPOCH',
    });
    await store.close();
  });

  it('bind a page token: a walk does not go on in another state', async () => {
    const { volume, service } = await setUp();
    await volume.append([recordOf('acme', 0), recordOf('acme', 1)]);
    volume.run();
    await volume.applied();
    const page = (pageToken: string) =>
      service.queryNodes!(
        {
          $typeName: 'entdb.v1.QueryNodesRequest',
          scope: { $typeName: 'entdb.v1.ReadScope', tenantId: 'acme' },
          typeId: 1,
          pageSize: 1,
          pageToken,
          count: false,
        },
        callOf(),
      );
    const { nextPageToken = '' } = await page('');
    expect(await page(nextPageToken)).toMatchObject({ nodes: [{ id: 'node-1' }] });
    for (const damaged of [nextPageToken.slice(2), `0${nextPageToken}`, '1.', '1.x'])
      await expect(page(damaged)).rejects.toMatchObject({ code: 'INVALID_PAGE_TOKEN' });
    await volume.append([
      recordOf('acme', 2, { body: body('tenantDeleted') }),
      recordOf('acme', 3, { body: body('tenantCreated') }),
      recordOf('acme', 4),
      recordOf('acme', 5),
    ]);
    await volume.applied();
    await expect(page(nextPageToken)).rejects.toMatchObject({
      code: 'STALE_EPOCH',
      facts: { metadata: { epoch: '2', asked_epoch: '1' } },
    });
  });
});
