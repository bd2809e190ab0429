import type { ShardOptions, TenantCheckpoint, TenantWriter } from '@entdb/tenant-store';

/**
 * What tenants' files held after their last commit, for who publishes it. It listens to the writers themselves, so position and digests are of one
 * committed state, of both files at the same record; a reader could see one file before the other.
 */
export interface Checkpoints {
  /** Opens a writer that is listened to. */
  readonly openWriter: ShardOptions['openWriter'];
  /** Of those that changed since they were taken last; where one of the two files is ahead, or nothing is known, a tenant is left out. */
  take(tenantIds: readonly string[]): readonly TakenCheckpoint[];
}

export interface TakenCheckpoint extends TenantCheckpoint {
  readonly tenantId: string;
}

/** Of tenants whose files were let go before anybody asked: the newest so many. */
const closedMax = 10_000;

export function createCheckpoints(open: ShardOptions['openWriter']): Checkpoints {
  const writers = new Map<string, TenantWriter>();
  const closed = new Map<string, TenantCheckpoint>();

  const keep = (tenantId: string, checkpoint: TenantCheckpoint | undefined): void => {
    closed.delete(tenantId);
    if (checkpoint) closed.set(tenantId, checkpoint);
    const [oldest] = closed.size > closedMax ? closed.keys() : [];
    if (oldest !== undefined) closed.delete(oldest);
  };

  return {
    openWriter(options) {
      const { tenantId } = options;
      const inner = open(options);
      let changed = false;
      // Everything but these two is the writer's own.
      const writer = Object.assign(Object.create(inner) as TenantWriter, {
        apply: (...batch: Parameters<TenantWriter['apply']>) => {
          changed = true;
          return inner.apply(...batch);
        },
        close: () => {
          if (changed) keep(tenantId, inner.checkpoint());
          if (writers.get(tenantId) === inner) writers.delete(tenantId);
          inner.close();
        },
      });
      writers.set(tenantId, inner);
      closed.delete(tenantId); // it speaks for itself again
      return writer;
    },
    take: (tenantIds) =>
      tenantIds.flatMap((tenantId) => {
        const checkpoint = writers.get(tenantId)?.checkpoint() ?? closed.get(tenantId);
        closed.delete(tenantId);
        return checkpoint && checkpoint.position.offset >= 0 ? [{ tenantId, ...checkpoint }] : [];
      }),
  };
}
