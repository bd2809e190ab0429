import { valueOf, type CompiledSchema, type Fields, type OperationVerdict } from '@entdb/contracts';
import type { EdgeTable } from './edge-table.ts';
import type { NodeTable } from './node-table.ts';

/** What the operations of one transaction share. */
export interface Scope {
  readonly nodes: NodeTable;
  readonly edges: EdgeTable;
  /** The catalog, with the record's own schema in it. */
  readonly schema: CompiledSchema;
  /** Log-append time of the record: the only clock that there is. */
  readonly timeUs: number;
  readonly substitutes: Substitutes;
}

/** An operation judges first and writes last, so that one that is rejected has written nothing by itself. */
export type Execute<Op> = (scope: Scope, operation: Op, path: string) => OperationVerdict;

/** Ids that a skipped insert gave up, and the nodes that they mean from then on. */
export interface Substitutes {
  add(mintedId: string, existingId: string): void;
  id(id: string): string;
  /** The fields with refs that mean existing nodes. The same object where nothing is to be changed. */
  fields(fields: Fields): Fields;
}

export function createSubstitutes(): Substitutes {
  // Most transactions skip nothing: the map comes with the first that does.
  let existing: Map<string, string> | undefined;
  const idOf = (id: string) => existing?.get(id) ?? id;
  const substituted = (value: Fields[number]): Fields[number] => {
    const { kind } = value;
    if (kind.case === 'ref') return valueOf({ case: 'ref', value: idOf(kind.value) });
    if (kind.case !== 'list') return value;
    return valueOf({
      case: 'list',
      value: { $typeName: 'entdb.v1.ListValue', values: kind.value.values.map(substituted) },
    });
  };
  return {
    add(mintedId, existingId) {
      if (mintedId !== existingId) (existing ??= new Map()).set(mintedId, existingId);
    },
    id: idOf,
    fields(fields) {
      if (!existing) return fields;
      return Object.fromEntries(
        Object.entries(fields).map(([id, value]) => [id, substituted(value)]),
      );
    },
  };
}
