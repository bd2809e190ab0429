/** Queries by type, filter and order. A query is a value: each step makes a new one, and none asks anybody until it is read. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { EntError } from '@entdb/base';
import { OrderBySchema, type LogPosition, type OrderBy } from '@entdb/contracts';
import { allOf, conditionOf, type Condition, type Where } from '../filter.ts';
import type { NamesWith } from '../schema/field.ts';
import type { NodeType } from '../schema/types.ts';
import { decodeNode, type Node } from '../values/decode.ts';
import { createPages, nextOf, type Page, type Pages } from './pages.ts';
import { read, seenIn, type ReadContext, type ReadOptions } from './scope.ts';

export type Direction = 'asc' | 'desc';

export interface NodePage<Type extends NodeType> extends Page<Node<Type>> {
  /** The state that was read. */
  readonly position: LogPosition;
}

export interface Query<Type extends NodeType> extends Pages<Node<Type>, NodePage<Type>> {
  /** Several conditions must all hold. */
  where(where: Where<Type>): Query<Type>;
  /** By an indexed field. Nodes that lack it come last. Without an order: by id. */
  orderBy(field: NamesWith<Type['fields'], 'indexed'>, direction?: Direction): Query<Type>;
  orderById(direction?: Direction): Query<Type>;
  orderByCreatedAt(direction?: Direction): Query<Type>;
  orderByUpdatedAt(direction?: Direction): Query<Type>;
  /** 1 to 1000; 100 where not said. */
  pageSize(nodes: number): Query<Type>;
  /** How many nodes match. The server walks over all of them. */
  count(): Promise<number>;
}

interface Shape {
  readonly conditions: readonly Condition[];
  readonly orderBy: OrderBy | undefined;
  readonly pageSize: number;
}

export function createQuery<Type extends NodeType>(
  context: ReadContext,
  type: Type,
  options: ReadOptions,
  shape: Shape = { conditions: [], orderBy: undefined, pageSize: 0 },
): Query<Type> {
  const fetch = (more: {
    readonly pageToken?: string;
    readonly pageSize?: number;
    readonly count?: boolean;
  }) =>
    read(context, options, (query, scope, attempt) => {
      const { conditions, orderBy, pageSize } = shape;
      const filter = conditions.length > 0 ? { filter: allOf(conditions).filter } : {};
      const request = {
        scope,
        typeId: type.id,
        pageSize,
        ...filter,
        ...(orderBy && { orderBy }),
        ...more,
      };
      return query.queryNodes(request, attempt);
    });
  const pages = createPages<Node<Type>, NodePage<Type>>(async (pageToken) => {
    const answer = await fetch({ pageToken });
    const items = answer.nodes.map((node) => decodeNode(type, node));
    return { items, next: nextOf(answer), position: seenIn(answer) };
  });
  const but = (change: Partial<Shape>) =>
    createQuery(context, type, options, { ...shape, ...change });
  const ordered = (
    by: NonNullable<MessageInitShape<typeof OrderBySchema>['by']>,
    direction: Direction = 'asc',
  ) => but({ orderBy: create(OrderBySchema, { by, descending: direction === 'desc' }) });
  return {
    ...pages,
    where: (where) => but({ conditions: [...shape.conditions, conditionOf(type, where)] }),
    orderBy: (name, direction) => ordered({ case: 'fieldId', value: idOf(type, name) }, direction),
    orderById: (direction) => ordered({ case: 'id', value: true }, direction),
    orderByCreatedAt: (direction) => ordered({ case: 'createdAt', value: true }, direction),
    orderByUpdatedAt: (direction) => ordered({ case: 'updatedAt', value: true }, direction),
    pageSize: (pageSize) => but({ pageSize }),
    count: async () => {
      const { total } = await fetch({ count: true, pageSize: 1 });
      if (total === undefined)
        throw new EntError('INTERNAL', 'the server sent no count, and one was asked for');
      return Number(total);
    },
  };
}

function idOf(type: NodeType, name: string): number {
  const id = type.fields[name]?.id;
  if (id === undefined)
    throw new EntError('UNKNOWN_FIELD', `${type.name} has no field ${name}`, { field: 'order_by' });
  return id;
}
