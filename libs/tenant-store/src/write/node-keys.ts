import type { AnyValue, CompiledNodeType, Fields, UniqueKey } from '@entdb/contracts';
import { combinedKey, orderKey } from '../order-key.ts';

/** What the derived tables hold of a node: a pure function of its type in the catalog and its fields. */
export interface BoundKey {
  readonly key: UniqueKey;
  readonly value: Buffer;
}

/** A node that lacks one of the fields of a unique key is not bound by it. */
export function uniqueKeysOf(type: CompiledNodeType, fields: Fields): readonly BoundKey[] {
  const bound: BoundKey[] = [];
  for (const key of type.unique) {
    const values = key.fieldIds.map((id) => fields[id]?.kind).filter(isPresent);
    if (values.length === key.fieldIds.length) bound.push({ key, value: combinedKey(values) });
  }
  return bound;
}

function isPresent(kind: Fields[number]['kind'] | undefined): kind is AnyValue {
  return kind?.case !== undefined;
}

export interface IndexEntry {
  readonly field: number;
  readonly value: Buffer;
}

export function indexEntriesOf(type: CompiledNodeType, fields: Fields): readonly IndexEntry[] {
  const entries: IndexEntry[] = [];
  for (const { id } of type.indexed) {
    const kind = fields[id]?.kind;
    if (isPresent(kind)) entries.push({ field: id, value: orderKey(kind) });
  }
  return entries;
}
