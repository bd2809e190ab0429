import type { TenantId } from '@entdb/base';
import type { LogPosition } from '@entdb/contracts';
import type { Positions } from './fleet/positions.ts';
import type { EdgeType, NodeType } from './schema/types.ts';
import type { Reads } from './read/reads.ts';
import type { Writes } from './write/writes.ts';

/** One tenant, as a program speaks with it. Cheap to make: it holds nothing but its name. */
export interface Tenant<Node extends NodeType = NodeType, Edge extends EdgeType = EdgeType>
  extends Reads<Node, Edge>, Writes<Node, Edge> {
  readonly id: TenantId;
  /** The newest position that this client has seen of the tenant: its reads see at least this. Undefined before the first. */
  readonly position: LogPosition | undefined;
}

export function createTenant<Node extends NodeType, Edge extends EdgeType>(
  id: TenantId,
  positions: Positions,
  reads: Reads<Node, Edge>,
  writes: Writes<Node, Edge>,
): Tenant<Node, Edge> {
  return {
    ...reads,
    ...writes,
    id,
    get position() {
      return positions.get(id);
    },
  };
}
