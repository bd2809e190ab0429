import type { AnyValue, Fields } from '@entdb/contracts';
import type { FieldOwner } from './judge-fields.ts';
import { Rejection } from './rejection.ts';
import type { NodeTable } from './node-table.ts';

/** The node that the operation itself inserts: a ref may point at it. */
export interface Self {
  readonly id: string;
  readonly typeId: number;
}

/** Every ref points at a node that is there, of the type that the catalog names. Refs are judged when they are written; later they may dangle. */
export function judgeReferences(
  nodes: NodeTable,
  fields: Fields,
  owner: FieldOwner | undefined,
  path: string,
  self?: Self,
): void {
  for (const key in fields) {
    const { kind } = fields[key]!;
    if (kind.case !== 'ref' && kind.case !== 'list') continue;
    const at = `${path}[${key}]`;
    for (const id of refsOf(kind)) {
      const typeId = id === self?.id ? self.typeId : nodes.find(id)?.type;
      judgeTarget(id, typeId, owner?.fields.get(Number(key))?.definition.refTypeId ?? 0, at);
    }
  }
}

function judgeTarget(id: string, typeId: number | undefined, wanted: number, path: string): void {
  if (typeId === undefined) {
    throw new Rejection('REFERENCE_NOT_FOUND', `there is no node ${JSON.stringify(id)}`, {
      field: path,
      metadata: { node_id: id },
    });
  }
  if (wanted !== 0 && typeId !== wanted) {
    throw new Rejection(
      'REFERENCE_NOT_FOUND',
      `the node ${JSON.stringify(id)} is of type ${typeId}, not ${wanted}`,
      {
        field: path,
        metadata: { node_id: id, type_id: String(typeId) },
      },
    );
  }
}

/** An edge's end: the node is there, and of one of the types that the catalog allows (none: any). */
export function judgeEndpoint(
  nodes: NodeTable,
  id: string,
  types: ReadonlySet<number> | undefined,
  path: string,
): void {
  const typeId = nodes.find(id)?.type;
  judgeTarget(id, typeId, 0, path);
  if (typeId !== undefined && types && types.size > 0 && !types.has(typeId)) {
    throw new Rejection(
      'REFERENCE_NOT_FOUND',
      `the node ${JSON.stringify(id)} is of type ${typeId}, where the edge goes to and from others`,
      {
        field: path,
        metadata: { node_id: id, type_id: String(typeId) },
      },
    );
  }
}

function refsOf(value: Extract<AnyValue, { case: 'ref' | 'list' }>): readonly string[] {
  if (value.case === 'ref') return [value.value];
  return value.value.values.flatMap(({ kind }) => (kind.case === 'ref' ? [kind.value] : []));
}
