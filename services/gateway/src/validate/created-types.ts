import { EntError } from '@entdb/base';
import type { FieldOwner, Fields } from '@entdb/contracts';

/** Types of the nodes that the transaction has created so far: what it says of itself needs no state to be judged. */
export type CreatedTypes = Map<string, number>;

/** Throws TYPE_MISMATCH where an operation takes a node of this transaction for one of another type. */
export function checkSameType(
  { id, typeId }: { readonly id: string; readonly typeId: number },
  created: CreatedTypes,
  path: string,
): void {
  const known = created.get(id);
  if (known === undefined || known === typeId) return;
  const field = `${path}.type_id`;
  throw new EntError(
    'TYPE_MISMATCH',
    `${field}: the transaction creates ${id} as type ${known}, not ${typeId}`,
    {
      field,
    },
  );
}

/** Throws REFERENCE_NOT_FOUND. No allowed types means any. */
export function checkEndpoint(
  id: string,
  allowed: ReadonlySet<number>,
  ownerName: string,
  created: CreatedTypes,
  path: string,
): void {
  const known = created.get(id);
  if (known === undefined || allowed.size === 0 || allowed.has(known)) return;
  throw new EntError(
    'REFERENCE_NOT_FOUND',
    `${path}: ${ownerName} may not point at a node of type ${known}`,
    {
      field: path,
      hint: `allowed types: ${[...allowed].join(', ')}`,
    },
  );
}

/** Throws REFERENCE_NOT_FOUND for a ref to a node of this transaction that is of another type than the field refers to. */
export function checkRefs(
  fields: Fields,
  owner: FieldOwner,
  created: CreatedTypes,
  path: string,
): void {
  if (created.size === 0) return;
  for (const field of owner.fields.values()) {
    const value = fields[field.id];
    const { refTypeId } = field.definition;
    if (!value || field.kind !== 'ref' || refTypeId === 0) continue;
    const allowed = new Set([refTypeId]);
    for (const { kind } of value.kind.case === 'list' ? value.kind.value.values : [value]) {
      if (kind.case !== 'ref') continue;
      checkEndpoint(
        kind.value,
        allowed,
        `${owner.name}.${field.name}`,
        created,
        `${path}[${field.id}]`,
      );
    }
  }
}
