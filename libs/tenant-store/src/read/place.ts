import type { Node } from '@entdb/contracts';
import { compareText } from '../values.ts';
import { indexKeyOf } from './node-rows.ts';
import type { KeyPart } from './page-token.ts';
import type { Order } from './plan.ts';

/**
 * Where a node stands in an order: by the value, then by the id, both turned round when descending. Nodes without a value stand last in
 * either direction. In the order of ids no node has a value.
 */
export interface Place {
  /** A time in microseconds, the key of a field, or nothing. */
  readonly value: number | Buffer | null;
  readonly id: string;
}

export function placeOf(node: Node, order: Order): Place {
  switch (order.by) {
    case 'id':
      return { value: null, id: node.id };
    case 'createdAt':
      return { value: Number(node.createdAtUs), id: node.id };
    case 'updatedAt':
      return { value: Number(node.updatedAtUs), id: node.id };
    case 'field':
      return { value: indexKeyOf(node.fields, order.fieldId), id: node.id };
  }
}

/** Below 0 where `a` comes first. */
export function comparePlaces(a: Place, b: Place, descending: boolean): number {
  if (a.value === null && b.value !== null) return 1;
  if (a.value !== null && b.value === null) return -1;
  const ascending = compareValues(a.value, b.value) || compareText(a.id, b.id);
  return descending ? -ascending : ascending;
}

function compareValues(a: Place['value'], b: Place['value']): number {
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return a.compare(b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return 0;
}

export type PlaceKey = readonly [Place['value'], string];

/** Whether the parts of a page token are a place in this order. */
export function isPlaceKey(order: Order): (key: readonly KeyPart[]) => key is PlaceKey {
  return (key): key is PlaceKey => {
    const [value, id, ...others] = key;
    if (value === undefined || typeof id !== 'string' || others.length > 0) return false;
    switch (order.by) {
      case 'id':
        return value === null;
      case 'createdAt':
      case 'updatedAt':
        return Number.isSafeInteger(value);
      case 'field':
        return value === null || Buffer.isBuffer(value);
    }
  };
}
