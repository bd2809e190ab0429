import { EntError, isEntError } from '@entdb/base';
import type {
  GetResultRequest,
  GetResultResponse,
  Position,
  QueryService,
  ReadScope,
} from '@entdb/contracts';
import type { Call, Implementation } from '@entdb/service-kit';
import type { Wal } from '@entdb/wal';
import type { Applier } from '../applier.ts';
import type { Gate } from '../gate.ts';
import type { Progress } from '../progress.ts';
import type { ReaderPool } from '../reader/pool.ts';
import type { ReadMethod, ReadRequest, ReadResponse } from '../reader/protocol.ts';
import type { Tail } from '../tail.ts';
import type { Tenants } from '../tenants.ts';
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

/** The query side: each read passes the gate, runs on a reader thread, and says which state it saw. */
export function createQueryService(options: QueryOptions): Implementation<typeof QueryService> {
  const { gate, readers, tenants, progress, tail, wal, applier } = options;
  let watchers = 0;

  const readTrusted = async <M extends ReadMethod>(
    method: M,
    tenantId: string,
    request: ReadRequest<M>,
  ): Promise<ReadResponse<M>> => {
    try {
      return await readers.read(method, tenantId, request);
    } catch (error) {
      if (!isEntError(error, 'STORE_CORRUPT') && !isEntError(error, 'STORE_MISSING')) throw error;
      await applier.distrust(tenantId, error);
      throw new EntError(
        'NOT_CAUGHT_UP',
        `damage was found in the files of tenant ${tenantId}; they are being rebuilt from the log`,
        { tenantId, retryAfterMs: 500, cause: error },
      );
    }
  };

  const read =
    <M extends ReadMethod>(method: M) =>
    async (request: ReadRequest<M> & Scoped, call: Call): Promise<ReadResponse<M>> => {
      const tenantId = await gate.enter(request.scope, call.signal);
      const response = await readTrusted(method, tenantId, request);
      gate.checkEpoch(request.scope, (response as { readonly position?: Position }).position); // every response has one
      return response;
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

  return {
    getNode: read('getNode'),
    getNodes: read('getNodes'),
    getNodeByKey: read('getNodeByKey'),
    queryNodes: read('queryNodes'),
    listEdges: read('listEdges'),
    listNeighbors: read('listNeighbors'),
    searchNodes: read('searchNodes'),
    listMailbox: read('listMailbox'),
    searchMailbox: read('searchMailbox'),
    countUnread: read('countUnread'),
    getSchema: read('getSchema'),
    getResult,
    getTenant: async (request, call) => {
      const { tenantId, partition } = gate.own(request.scope?.tenantId ?? '');
      return (
        tenantInfo(tenantId, partition, tenants.state(tenantId)) ?? read('getTenant')(request, call)
      );
    },
    async waitForPosition(request, call) {
      const tenantId = await gate.enter(request.scope, call.signal);
      const { position } = await readTrusted('getTenant', tenantId, {
        $typeName: 'entdb.v1.GetTenantRequest',
      });
      gate.checkEpoch(request.scope, position);
      return position ? { position } : {};
    },
    async listTenants(request) {
      const size = Math.min(request.pageSize || 100, 1_000);
      const after =
        request.pageToken === ''
          ? ''
          : Buffer.from(request.pageToken, 'base64url').toString('utf8');
      const tenantIds = tenants.page(after, size);
      const last = tenantIds.length === size ? tenantIds.at(-1)! : '';
      return {
        tenantIds: [...tenantIds],
        nextPageToken: Buffer.from(last, 'utf8').toString('base64url'),
      };
    },
    async *watch(request, call) {
      const { tenantId, partition } = gate.own(request.tenantId);
      const fromOffset = request.after && gate.offsetOf(request.after, tenantId, partition) + 1;
      if (watchers >= options.watchersMax)
        throw new EntError('RESOURCE_EXHAUSTED', `${watchers} watchers are connected already`, {
          tenantId,
          retryAfterMs: 1_000,
        });
      watchers += 1;
      try {
        const result = (idempotencyKey: string) =>
          readTrusted('getResult', tenantId, {
            $typeName: 'entdb.v1.GetResultRequest',
            idempotencyKey,
            wait: false,
          });
        yield* watch({
          tenantId,
          partition,
          fromOffset,
          wal,
          progress,
          tail,
          result,
          signal: call.signal,
        });
      } finally {
        watchers -= 1;
      }
    },
  };
}
