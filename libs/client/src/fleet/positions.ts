/**
 * The newest position that this client has seen of each tenant. Reads name it, so that they see at least what the client has
 * written and read before, whichever replica answers.
 */
import type { LogPosition } from '@entdb/contracts';

export interface Positions {
  get(tenantId: string): LogPosition | undefined;
  /** Keeps the newer of the two. */
  saw(tenantId: string, position: LogPosition): void;
  forget(tenantId: string): void;
}

/** Keeps the tenants seen last: a read of one that has dropped out is as fresh as its replica is. */
export function createPositions(tenantsMax: number): Positions {
  const positions = new Map<string, LogPosition>(); // oldest use first
  return {
    get: (tenantId) => positions.get(tenantId),
    saw: (tenantId, position) => {
      const known = positions.get(tenantId);
      positions.delete(tenantId);
      positions.set(tenantId, known ? newer(known, position) : position);
      const [oldest] = positions.size > tenantsMax ? positions.keys() : [];
      if (oldest !== undefined) positions.delete(oldest);
    },
    forget: (tenantId) => {
      positions.delete(tenantId);
    },
  };
}

/** Offsets of one partition rise across epochs. Positions of another log replace what is known of the old one. */
function newer(known: LogPosition, seen: LogPosition): LogPosition {
  if (known.topic !== seen.topic || known.partition !== seen.partition) return seen;
  if (known.offset === seen.offset) return known.epoch >= seen.epoch ? known : seen;
  return known.offset > seen.offset ? known : seen;
}
