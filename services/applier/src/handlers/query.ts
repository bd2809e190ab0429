import { EntError, isEntError, parseTenantId, type TenantId } from '@entdb/base';
import {
  positionToWire,
  type GetResultRequest,
  type GetResultResponse,
  type Position,
  type QueryService,
  type ReadScope,
} from '@entdb/contracts';
import type { Call, Implementation } from '@entdb/service-kit';
import type { Wal } from '@entdb/wal';
import type { Applier } from '../applier.ts';
import { inEpoch } from '../epochs.ts';
import type { Gate } from '../gate.ts';
import { inOneEpoch } from '../paging.ts';
import type { Progress } from '../progress.ts';
import type { ReaderPool } from '../reader/pool.ts';
import type { ReadMethod, ReadRequest, ReadResponse } from '../reader/protocol.ts';
import type { Tail } from '../tail.ts';
import type { Tenants } from '../tenants.ts';
import { createTrustedRead } from '../trusted-reads.ts';
import { watch } from '../watch.ts';
import { tenantInfo } from './get-tenant.ts';

export interface QueryOptions {
  readonly gate: Gate;
  readonly readers: ReaderPool;
  readonly tenants: Tenants;
  readonly progress: Progress;
  readonly tail: Tail;
  readonly wal: Wal;
  readonly applier: Pick<Applier, 'distrust'>;
  readonly watchersMax: number;
}

interface Scoped {
  readonly scope?: ReadScope | undefined;
}

interface Placed {
  readonly position?: Position | undefined;
}

type PagedMethod = 'queryNodes' | 'listEdges' | 'searchNodes' | 'listMailbox' | 'searchMailbox';

/** The query side: each read passes the gate, runs on a reader thread, and says which state it saw. */
export function createQueryService(options: QueryOptions): Implementation<typeof QueryService> {
  const { gate, tenants, progress, tail, wal } = options;
  let watchers = 0;

  const readTrusted = createTrustedRead(options);

  const read =
    <M extends Exclude<ReadMethod, 'position'>>(method: M) =>
    (request: ReadRequest<M> & Scoped, call: Call): Promise<ReadResponse<M>> => {
      const { scope } = request;
      return inEpoch(scope, tenants, call.signal, async () => {
        const tenantId = await gate.enter(scope, call.signal);
        return (await readTrusted(method, tenantId, request)) as ReadResponse<M> & Placed; // every response says its position
      });
    };

  const readPage = <M extends PagedMethod>(method: M) => {
    const readOne = read(method);
    return (request: ReadRequest<M>, call: Call): Promise<ReadResponse<M>> =>
      inOneEpoch(request, (asked) => readOne(asked, call));
  };

  const getResult = async (request: GetResultRequest, call: Call): Promise<GetResultResponse> => {
    for (;;) {
      const tenantId = request.scope?.tenantId ?? '';
      // Listen before looking: a verdict that is committed in between must not be missed.
      const listening = new AbortController();
      const changed = request.wait
        ? tenants.changed(tenantId, AbortSignal.any([call.signal, listening.signal]))
        : undefined;
      changed?.catch(() => undefined);
      try {
        const response = await read('getResult')(request, call).catch((error: unknown) => {
          if (request.wait && isEntError(error, 'TENANT_NOT_FOUND')) return undefined;
          throw error;
        });
        if (response && (response.result || !changed)) return response;
        await changed;
      } finally {
        listening.abort();
      }
    }
  };

  /** The stored verdict on a key, for one who must not miss it: a tenant that is being rebuilt is waited for. */
  const verdictOn = async (tenantId: TenantId, idempotencyKey: string, signal: AbortSignal) => {
    for (;;) {
      await gate.settled(tenantId, signal);
      try {
        return await readTrusted('getResult', tenantId, {
          $typeName: 'entdb.v1.GetResultRequest',
          idempotencyKey,
          wait: false,
        });
      } catch (error) {
        if (!isEntError(error, 'NOT_CAUGHT_UP')) throw error;
      }
    }
  };

  /** Where the tenant is, once it is where it was asked to be. */
  const placeOf = (scope: ReadScope | undefined, signal: AbortSignal) =>
    inEpoch(scope, tenants, signal, async () => {
      const tenantId = await gate.enter(scope, signal);
      return { position: positionToWire(await readTrusted('position', tenantId, 'canonical')) };
    });

  return {
    getNode: read('getNode'),
    getNodes: read('getNodes'),
    getNodeByKey: read('getNodeByKey'),
    queryNodes: readPage('queryNodes'),
    listEdges: readPage('listEdges'),
    listNeighbors: read('listNeighbors'),
    searchNodes: readPage('searchNodes'),
    listMailbox: readPage('listMailbox'),
    searchMailbox: readPage('searchMailbox'),
    countUnread: read('countUnread'),
    getSchema: read('getSchema'),
    getResult,
    getTenant: async (request, call) => {
      const { tenantId, partition } = gate.own(request.scope?.tenantId ?? '');
      return (
        tenantInfo(tenantId, partition, tenants.state(tenantId)) ?? read('getTenant')(request, call)
      );
    },
    waitForPosition: ({ scope }, { signal }) => placeOf(scope, signal),
    async listTenants({ pageSize, pageToken }) {
      const size = Math.min(pageSize || 100, 1_000);
      const tenantIds = tenants.page(afterOf(pageToken), size);
      const last = tenantIds.length === size ? tenantIds.at(-1)! : '';
      return {
        tenantIds: [...tenantIds],
        nextPageToken: Buffer.from(last, 'utf8').toString('base64url'),
      };
    },
    async *watch(request, call) {
      const { signal } = call;
      const scope: ReadScope = {
        $typeName: 'entdb.v1.ReadScope',
        tenantId: request.tenantId,
        ...(request.after && { atLeast: request.after }),
      };
      if (watchers >= options.watchersMax)
        throw new EntError('RESOURCE_EXHAUSTED', `${watchers} watchers are connected already`, {
          tenantId: request.tenantId,
          retryAfterMs: 1_000,
        });
      watchers += 1;
      try {
        const { position } = await placeOf(scope, signal);
        const { tenantId, partition } = gate.own(request.tenantId);
        yield* watch({
          tenantId,
          partition,
          fromOffset: request.after && gate.offsetOf(request.after, tenantId, partition) + 1,
          epoch: position.epoch,
          wal,
          progress,
          tail,
          settled: () => gate.settled(tenantId, signal),
          result: (key) => verdictOn(tenantId, key, signal),
          signal,
        });
      } finally {
        watchers -= 1;
      }
    },
  };
}

/** The id that a page begins after. */
function afterOf(pageToken: string): string {
  if (pageToken === '') return '';
  try {
    return parseTenantId(Buffer.from(pageToken, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new EntError('INVALID_PAGE_TOKEN', 'the page token is not one of ListTenants', {
      field: 'page_token',
      cause,
    });
  }
}
