/**
 * The newest position that this client has seen of each tenant. Reads name it, so that they see at least what the client has
 * written and read before, whichever replica answers.
 */
import type { EntError } from '@entdb/base';
import type { LogPosition } from '@entdb/contracts';

export interface Positions {
  get(tenantId: string): LogPosition | undefined;
  /** Keeps the newer of the two. */
  saw(tenantId: string, position: LogPosition): void;
  /**
   * A position was refused with STALE_EPOCH: the tenant was restored or made again, and what was seen before is of a history that is no more. It is
   * forgotten; where the error says the tenant's position in its present epoch, that takes its place, so that no replica that has not come to the
   * restore answers the next read with the old state.
   */
  ended(tenantId: string, error: EntError): void;
}

/** Keeps the tenants seen last: a read of one that has dropped out is as fresh as its replica is. */
export function createPositions(tenantsMax: number): Positions {
  const positions = new Map<string, LogPosition>(); // oldest use first
  const saw = (tenantId: string, position: LogPosition): void => {
    const known = positions.get(tenantId);
    positions.delete(tenantId);
    positions.set(tenantId, known ? newer(known, position) : position);
    const [oldest] = positions.size > tenantsMax ? positions.keys() : [];
    if (oldest !== undefined) positions.delete(oldest);
  };
  return {
    get: (tenantId) => positions.get(tenantId),
    saw,
    ended: (tenantId, { facts: { position } }) => {
      const now = position && { epoch: 0, ...position };
      const { epoch = 0 } = positions.get(tenantId) ?? {};
      // Known already of the present epoch, or of one that is not known: then the old position was not ours.
      if (!now || (epoch !== 0 && epoch < now.epoch)) positions.delete(tenantId);
      if (now) saw(tenantId, now);
    },
  };
}

/** Offsets of one partition rise across epochs. Positions of another log replace what is known of the old one. */
function newer(known: LogPosition, seen: LogPosition): LogPosition {
  if (known.topic !== seen.topic || known.partition !== seen.partition) return seen;
  if (known.offset === seen.offset) return known.epoch >= seen.epoch ? known : seen;
  return known.offset > seen.offset ? known : seen;
}
