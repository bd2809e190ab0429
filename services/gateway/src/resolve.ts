import { EntError, type ErrorFacts } from '@entdb/base';
import {
  valueOf,
  type ExecuteAtomicRequest,
  type Fields,
  type Filter,
  type FilterList,
  type IdMint,
  type Operation,
  type Precondition,
  type Transaction,
  type Value,
} from '@entdb/contracts';

/** A transaction as it will stand in the log: every created node has an id, and no alias is left. */
export interface ResolvedTransaction {
  readonly transaction: Transaction;
  /** One per operation: the id of the node that it creates, else empty. */
  readonly ids: readonly string[];
}

/**
 * Pure: aliases become ids, and ids that are missing are minted. An alias means the node from the operation that defines it on; preconditions
 * are judged before the first operation and so know none. Shape and paths stay those of the request.
 *
 * Throws DUPLICATE_ALIAS, UNKNOWN_ALIAS, INVALID_OPERATION. Does not judge ids or values.
 */
export function resolveTransaction(
  { operations, preconditions }: Pick<ExecuteAtomicRequest, 'operations' | 'preconditions'>,
  mint: IdMint,
): ResolvedTransaction {
  const aliases: Aliases = { ids: new Map(), defined: aliasesOf(operations) };
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

interface Aliases {
  /** Those defined so far. */
  readonly ids: Map<string, string>;
  /** All of the transaction, to tell "later" from "nowhere". */
  readonly defined: ReadonlySet<string>;
}

function aliasesOf(operations: readonly Operation[]): ReadonlySet<string> {
  const defined = new Set<string>();
  for (const { op } of operations) if (op.case === 'createNode') defined.add(op.value.alias);
  return defined;
}

function resolveOperation(
  { op }: Operation,
  aliases: Aliases,
  at: string,
  mintId: () => string,
): Operation {
  switch (op.case) {
    case 'createNode': {
      const { value } = op;
      const path = `${at}.create_node`;
      // Its own alias is not there yet for its own refs: a node is created with what exists before it.
      const fields = resolveFields(value.fields, aliases, `${path}.fields`);
      const id = value.id === '' ? mintId() : value.id;
      if (value.alias !== '') defineAlias(aliases, value.alias, id, `${path}.alias`);
      return operationOf({ case: 'createNode', value: { ...value, alias: '', id, fields } });
    }
    case 'updateNode': {
      const { value } = op;
      const path = `${at}.update_node`;
      const id = resolveId(value.id, aliases, `${path}.id`);
      const set = resolveFields(value.set, aliases, `${path}.set`);
      return operationOf({ case: 'updateNode', value: { ...value, id, set } });
    }
    case 'deleteNode': {
      const id = resolveId(op.value.id, aliases, `${at}.delete_node.id`);
      return operationOf({ case: 'deleteNode', value: { ...op.value, id } });
    }
    case 'createEdge': {
      const path = `${at}.create_edge`;
      const fields = resolveFields(op.value.fields, aliases, `${path}.fields`);
      const value = { ...op.value, ...resolveEnds(op.value, aliases, path), fields };
      return operationOf({ case: 'createEdge', value });
    }
    case 'deleteEdge': {
      const value = { ...op.value, ...resolveEnds(op.value, aliases, `${at}.delete_edge`) };
      return operationOf({ case: 'deleteEdge', value });
    }
    case 'deleteWhere': {
      const { filter } = op.value;
      if (!filter) return operationOf(op);
      const resolved = resolveFilter(filter, aliases, `${at}.delete_where.filter`);
      return operationOf({ case: 'deleteWhere', value: { ...op.value, filter: resolved } });
    }
    case 'markRead': {
      const nodeIds = op.value.nodeIds.map((id, i) =>
        resolveId(id, aliases, `${at}.mark_read.node_ids[${i}]`),
      );
      return operationOf({ case: 'markRead', value: { ...op.value, nodeIds } });
    }
    case undefined:
      throw new EntError('INVALID_OPERATION', `${at}: it does not say what to do`, { field: at });
  }
}

function operationOf(op: Operation['op']): Operation {
  return { $typeName: 'entdb.v1.Operation', op };
}

const aliasPattern = /^\$[^\p{Cc}]{1,128}$/u;

function defineAlias({ ids }: Aliases, alias: string, id: string, path: string): void {
  if (!alias.isWellFormed() || !aliasPattern.test(alias)) {
    throw new EntError('INVALID_OPERATION', `${path}: ${JSON.stringify(alias)} is no alias`, {
      field: path,
      hint: 'an alias is "$" and 1 to 128 characters',
    });
  }
  if (ids.has(alias)) {
    throw new EntError('DUPLICATE_ALIAS', `${path}: ${alias} is defined twice`, {
      field: path,
      hint: 'give each created node an alias of its own',
    });
  }
  ids.set(alias, id);
}

function resolveId(id: string, { ids, defined }: Aliases, path: string): string {
  if (!id.startsWith('$')) return id;
  const resolved = ids.get(id);
  if (resolved !== undefined) return resolved;
  const facts: ErrorFacts = {
    field: path,
    hint: defined.has(id)
      ? 'the operation that creates it comes later; an alias is known to later operations only, and never to preconditions'
      : 'define it as the alias of an earlier create_node; ids do not begin with "$"',
  };
  throw new EntError(
    'UNKNOWN_ALIAS',
    `${path}: no earlier operation defines ${JSON.stringify(id)}`,
    facts,
  );
}

function resolveEnds(
  edge: { readonly fromId: string; readonly toId: string },
  aliases: Aliases,
  path: string,
) {
  return {
    fromId: resolveId(edge.fromId, aliases, `${path}.from_id`),
    toId: resolveId(edge.toId, aliases, `${path}.to_id`),
  };
}

function resolvePrecondition(
  precondition: Precondition,
  aliases: Aliases,
  path: string,
): Precondition {
  return {
    ...precondition,
    nodeId: resolveId(precondition.nodeId, aliases, `${path}.node_id`),
    equals: resolveFields(precondition.equals, aliases, `${path}.equals`),
  };
}

function resolveFields(fields: Fields, aliases: Aliases, path: string): Fields {
  let resolved: Fields | undefined;
  for (const [key, value] of Object.entries(fields)) {
    const replaced = resolveValue(value, aliases, () => `${path}[${key}]`);
    if (replaced === value) continue;
    resolved ??= { ...fields };
    resolved[Number(key)] = replaced;
  }
  return resolved ?? fields;
}

/** The value itself where no alias is in it. The path is asked for only when it is needed. */
function resolveValue(value: Value, aliases: Aliases, path: () => string): Value {
  const { kind } = value;
  if (kind.case === 'ref') {
    if (!kind.value.startsWith('$')) return value;
    return valueOf({ case: 'ref', value: resolveId(kind.value, aliases, path()) });
  }
  if (kind.case !== 'list') return value;
  const values = kind.value.values.map((item, i) =>
    resolveValue(item, aliases, () => `${path()}[${i}]`),
  );
  if (values.every((item, i) => item === kind.value.values[i])) return value;
  return valueOf({ case: 'list', value: { ...kind.value, values } });
}

/** Deeper filters than this are left as they are: the check that follows refuses them. */
const filterDepthMax = 32;

function resolveFilter(filter: Filter, aliases: Aliases, path: string, depth = 0): Filter {
  const { expression } = filter;
  if (depth > filterDepthMax) return filter;
  const all = (list: FilterList, at: string): FilterList => ({
    ...list,
    filters: list.filters.map((child, i) =>
      resolveFilter(child, aliases, `${at}[${i}]`, depth + 1),
    ),
  });
  switch (expression.case) {
    case 'compare': {
      const values = expression.value.values.map((value, i) =>
        resolveValue(value, aliases, () => `${path}.compare.values[${i}]`),
      );
      return { ...filter, expression: { case: 'compare', value: { ...expression.value, values } } };
    }
    case 'and':
    case 'or': {
      const value = all(expression.value, `${path}.${expression.case}`);
      return { ...filter, expression: { case: expression.case, value } };
    }
    case 'not': {
      const value = resolveFilter(expression.value, aliases, `${path}.not`, depth + 1);
      return { ...filter, expression: { case: 'not', value } };
    }
    case undefined:
      return filter;
  }
}
