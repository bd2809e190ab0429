import { EntError } from '@entdb/base';
import {
  fieldOf,
  Operator,
  type AnyValue,
  type CompiledNodeType,
  type Comparison,
  type Filter,
  type OrderBy,
} from '@entdb/contracts';
import { orderKey } from '../order-key.ts';
import {
  intersectionOf,
  isPoint,
  keyAfter,
  keyAfterPrefix,
  pointOf,
  unionOf,
  type KeyRange,
} from './key-range.ts';

/** How a query finds its nodes. Pure: it says what may be read, and the state decides which of it is least. */
export interface QueryPlan {
  readonly order: Order;
  /** All nodes that may match, in the order asked for. */
  readonly walk: Walk;
  /** Parts of indexes, each of which holds every match: a small one is gathered and sorted instead. */
  readonly narrowings: readonly Narrowing[];
}

export type Order =
  | { readonly by: 'id' | 'createdAt' | 'updatedAt'; readonly descending: boolean }
  | { readonly by: 'field'; readonly fieldId: number; readonly descending: boolean };

export type Walk =
  | { readonly over: 'id' | 'createdAt' | 'updatedAt' }
  /** The nodes whose field has this key, in the order of their ids. */
  | { readonly over: 'equals'; readonly fieldId: number; readonly key: Buffer }
  /** In the order of the field's keys; then, unless the filter asks for the field, the nodes that lack it. */
  | {
      readonly over: 'field';
      readonly fieldId: number;
      readonly ranges: readonly KeyRange[];
      readonly thenAbsent: boolean;
    };

export interface Narrowing {
  readonly index: 'field' | 'unique';
  readonly fieldId: number;
  /** In order, without overlap. */
  readonly ranges: readonly KeyRange[];
  /** Whether every node in the ranges matches. */
  readonly exact: boolean;
}

const allKeys: readonly KeyRange[] = [{ from: Buffer.of(), to: Buffer.of(0xff) }];

/** Throws INVALID_ARGUMENT or UNKNOWN_FIELD for an order that cannot be. The filter must have passed `checkFilter`. */
export function planQuery(
  filter: Filter | undefined,
  orderBy: OrderBy | undefined,
  type: CompiledNodeType | undefined,
): QueryPlan {
  const order = orderOf(orderBy, type);
  const narrowings = filter && type ? narrowingsOf(filter, type) : [];
  return { order, walk: walkOf(order, narrowings), narrowings };
}

function orderOf(orderBy: OrderBy | undefined, type: CompiledNodeType | undefined): Order {
  const descending = orderBy?.descending ?? false;
  const by = orderBy?.by.case ?? 'id';
  if (by !== 'fieldId') return { by, descending };
  const fieldId = Number(orderBy?.by.value); // the case says that it is a field's id
  if (!type) {
    throw invalidOrder(
      `the tenant has no schema for this type, and so no index on field ${fieldId}`,
      'order by id, created_at or updated_at',
    );
  }
  const field = fieldOf(type, fieldId, 'order_by.field_id');
  if (!field.definition.indexed) {
    const indexed = type.indexed.map(({ id, name }) => `${id} (${name})`).join(', ');
    throw invalidOrder(
      `${type.name}.${field.name} is not indexed`,
      `indexed: ${indexed || 'none'}; or order by id, created_at or updated_at`,
    );
  }
  return { by: 'field', fieldId, descending };
}

function invalidOrder(problem: string, hint: string): EntError {
  return new EntError('INVALID_ARGUMENT', `order_by: ${problem}`, { field: 'order_by', hint });
}

function walkOf(order: Order, narrowings: readonly Narrowing[]): Walk {
  const inFields = narrowings.filter(({ index }) => index === 'field');
  if (order.by === 'field') {
    const own = inFields.find(({ fieldId }) => fieldId === order.fieldId);
    return {
      over: 'field',
      fieldId: order.fieldId,
      ranges: own?.ranges ?? allKeys,
      thenAbsent: !own,
    };
  }
  if (order.by === 'id') {
    for (const { fieldId, ranges } of inFields) {
      const [first, ...others] = ranges;
      if (first && others.length === 0 && isPoint(first))
        return { over: 'equals', fieldId, key: first.from };
    }
  }
  return { over: order.by };
}

function narrowingsOf(filter: Filter, type: CompiledNodeType): readonly Narrowing[] {
  const single = type.unique.flatMap(({ fieldIds }) => (fieldIds.length === 1 ? fieldIds : []));
  const indexes = [
    ...single.map((fieldId) => ({ index: 'unique' as const, fieldId })),
    ...type.indexed.map(({ id }) => ({ index: 'field' as const, fieldId: id })),
  ];
  return indexes.flatMap((index) => {
    const bounds = boundsOf(filter, index.fieldId);
    return bounds ? [{ ...index, ...bounds }] : [];
  });
}

interface Bounds {
  readonly ranges: readonly KeyRange[];
  readonly exact: boolean;
}

/** Where the field's key is whenever the filter is true. Undefined where the filter may be true of a node without the field. */
function boundsOf(filter: Filter, fieldId: number): Bounds | undefined {
  const { expression } = filter;
  switch (expression.case) {
    case 'compare':
      return expression.value.fieldId === fieldId
        ? boundsOfComparison(expression.value)
        : undefined;
    case 'and': {
      const all = expression.value.filters.map((child) => boundsOf(child, fieldId));
      const bounds = all.filter((child) => child !== undefined);
      const [first, ...others] = bounds;
      if (!first) return undefined;
      return {
        ranges: others.reduce(
          (ranges, child) => intersectionOf(ranges, child.ranges),
          first.ranges,
        ),
        exact: bounds.length === all.length && bounds.every(({ exact }) => exact),
      };
    }
    case 'or': {
      const all = expression.value.filters.map((child) => boundsOf(child, fieldId));
      const bounds = all.filter((child) => child !== undefined);
      if (bounds.length < all.length) return undefined;
      return {
        ranges: unionOf(bounds.flatMap(({ ranges }) => ranges)),
        exact: bounds.every(({ exact }) => exact),
      };
    }
    case 'not':
    case undefined:
      return undefined;
  }
}

function boundsOfComparison({ operator, values }: Comparison): Bounds | undefined {
  const kinds = values
    .map(({ kind }) => kind)
    .filter((kind): kind is AnyValue => kind.case !== undefined);
  const [value] = kinds;
  if (!value) return undefined;
  const exactly = (ranges: readonly KeyRange[]): Bounds => ({
    ranges: unionOf(ranges),
    exact: true,
  });
  const key = orderKey(value);
  // Keys of other kinds are not compared: a range stays within its kind byte.
  const kind = key.subarray(0, 1);
  const end = keyAfterPrefix(kind);
  switch (operator) {
    case Operator.EQ:
    case Operator.IN:
      return exactly(kinds.map((kindOfValue) => pointOf(orderKey(kindOfValue))));
    case Operator.LT:
      return exactly([{ from: kind, to: key }]);
    case Operator.LTE:
      return exactly([{ from: kind, to: keyAfter(key) }]);
    case Operator.GT:
      return exactly([{ from: keyAfter(key), to: end }]);
    case Operator.GTE:
      return exactly([{ from: key, to: end }]);
    case Operator.PREFIX:
      return exactly([{ from: key, to: keyAfterPrefix(key) }]);
    case Operator.NEQ:
    case Operator.CONTAINS:
    case Operator.EXISTS:
    case Operator.UNSPECIFIED:
    default: // an operator of a newer contract has no bounds that we know
      return undefined;
  }
}
