import { EntError } from '@entdb/base';
import type { NodeId } from '../values/flavor.ts';

/** A node that this transaction creates: stands for its id wherever a node is named in the same plan. */
export interface NodeHandle<Type extends string = string> {
  readonly type: Type;
  /** Which operation creates it. */
  readonly operation: number;
  readonly plan: PlanToken;
}

/** Tells one plan's handles from another's. */
export type PlanToken = { readonly planOf: symbol };

export function isHandle(value: unknown): value is NodeHandle {
  return typeof value === 'object' && value !== null && 'operation' in value && 'plan' in value;
}

/** The name under which a transaction knows the node that operation `index` creates. */
export function aliasOf(index: number): string {
  return `$${index}`;
}

/** How the ids of nodes are written in one place of a request. Throws UNKNOWN_ALIAS for a handle that has no meaning there. */
export type NameNode = (ref: NodeId | NodeHandle, path: string) => string;

/** Outside a plan a node has its id and nothing else. */
export const nameById: NameNode = (ref, path) => {
  if (typeof ref === 'string') return ref;
  throw foreignHandle(path);
};

export function foreignHandle(path: string): EntError {
  return new EntError('UNKNOWN_ALIAS', `${path}: this handle belongs to another plan`, {
    field: path,
    hint: 'take the id from the result of that plan: result.get(handle)',
  });
}
