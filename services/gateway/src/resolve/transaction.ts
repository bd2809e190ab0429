import { EntError } from '@entdb/base';
import type {
  Delivery,
  ExecuteAtomicRequest,
  IdMint,
  Operation,
  Precondition,
  Transaction,
} from '@entdb/contracts';
import { createAliases, type Aliases } from './aliases.ts';
import { refuseUnknown } from './unknown-parts.ts';
import { resolveFields, resolveFilter } from './values.ts';

/** A transaction as it will stand in the log: every created node has an id, and no alias is left. */
export interface ResolvedTransaction {
  readonly transaction: Transaction;
  /** One per operation: the id of the node that it creates, else empty. */
  readonly ids: readonly string[];
}

/**
 * Pure: aliases become ids, and ids that are missing are minted. An alias means the node from the operation that defines it on; preconditions are
 * judged before the first operation and so know none. Shape and paths stay those of the request.
 *
 * Throws DUPLICATE_ALIAS, UNKNOWN_ALIAS, INVALID_OPERATION, and INVALID_ARGUMENT for what this version does not know. Does not judge ids or values.
 */
export function resolveTransaction(
  { operations, preconditions }: Pick<ExecuteAtomicRequest, 'operations' | 'preconditions'>,
  mint: IdMint,
): ResolvedTransaction {
  const aliases = createAliases(operations);
  const checks = preconditions.map((precondition, i) =>
    resolvePrecondition(precondition, aliases, `preconditions[${i}]`),
  );
  const ids: string[] = [];
  const steps = operations.map((operation, i) => {
    const step = resolveOperation(operation, aliases, `operations[${i}]`, () => mint.idAt(i));
    ids.push(step.op.case === 'createNode' ? step.op.value.id : '');
    return step;
  });
  return {
    transaction: {
      $typeName: 'entdb.v1.Transaction',
      operations: steps,
      preconditions: checks,
    },
    ids,
  };
}

function resolveOperation(
  operation: Operation,
  aliases: Aliases,
  at: string,
  mintId: () => string,
): Operation {
  const { op } = operation;
  refuseUnknown(operation, () => at);
  if (op.case === undefined) {
    throw new EntError('INVALID_OPERATION', `${at}: it does not say what to do`, { field: at });
  }
  const path = `${at}.${pathNames[op.case]}`;
  refuseUnknown(op.value, () => path);
  switch (op.case) {
    case 'createNode': {
      const { value } = op;
      // Its own alias is not there yet for its own refs: a node is created with what exists before it.
      const fields = resolveFields(value.fields, aliases, `${path}.fields`);
      const id = value.id === '' ? mintId() : value.id;
      if (value.alias !== '') aliases.define(value.alias, id, `${path}.alias`);
      refuseUnknownDelivery(value.delivery, path);
      return operationOf({ case: 'createNode', value: { ...value, alias: '', id, fields } });
    }
    case 'updateNode': {
      const { value } = op;
      const id = aliases.idOf(value.id, `${path}.id`);
      const set = resolveFields(value.set, aliases, `${path}.set`);
      refuseUnknownDelivery(value.delivery, path);
      return operationOf({ case: 'updateNode', value: { ...value, id, set } });
    }
    case 'deleteNode': {
      const id = aliases.idOf(op.value.id, `${path}.id`);
      return operationOf({ case: 'deleteNode', value: { ...op.value, id } });
    }
    case 'createEdge': {
      const fields = resolveFields(op.value.fields, aliases, `${path}.fields`);
      const value = { ...op.value, ...resolveEnds(op.value, aliases, path), fields };
      return operationOf({ case: 'createEdge', value });
    }
    case 'deleteEdge': {
      const value = { ...op.value, ...resolveEnds(op.value, aliases, path) };
      return operationOf({ case: 'deleteEdge', value });
    }
    case 'deleteWhere': {
      const { filter } = op.value;
      if (!filter) return operationOf(op);
      const resolved = resolveFilter(filter, aliases, `${path}.filter`);
      return operationOf({ case: 'deleteWhere', value: { ...op.value, filter: resolved } });
    }
    case 'markRead': {
      const nodeIds = op.value.nodeIds.map((id, i) => aliases.idOf(id, `${path}.node_ids[${i}]`));
      return operationOf({ case: 'markRead', value: { ...op.value, nodeIds } });
    }
  }
}

const pathNames = {
  createNode: 'create_node',
  updateNode: 'update_node',
  deleteNode: 'delete_node',
  createEdge: 'create_edge',
  deleteEdge: 'delete_edge',
  deleteWhere: 'delete_where',
  markRead: 'mark_read',
} as const;

function operationOf(op: Operation['op']): Operation {
  return { $typeName: 'entdb.v1.Operation', op };
}

function refuseUnknownDelivery(delivery: Delivery | undefined, owner: string): void {
  if (delivery) refuseUnknown(delivery, () => `${owner}.delivery`);
}

function resolveEnds(
  edge: { readonly fromId: string; readonly toId: string },
  aliases: Aliases,
  path: string,
) {
  return {
    fromId: aliases.idOf(edge.fromId, `${path}.from_id`),
    toId: aliases.idOf(edge.toId, `${path}.to_id`),
  };
}

function resolvePrecondition(
  precondition: Precondition,
  aliases: Aliases,
  path: string,
): Precondition {
  refuseUnknown(precondition, () => path);
  return {
    ...precondition,
    nodeId: aliases.idOf(precondition.nodeId, `${path}.node_id`),
    equals: resolveFields(precondition.equals, aliases, `${path}.equals`),
  };
}
