import { kindName, type AnyValue, type CompiledField, type Fields } from '@entdb/contracts';
import { Rejection } from './rejection.ts';

/** What the catalog says of a node type or an edge type. */
export interface FieldOwner {
  readonly name: string;
  readonly fields: ReadonlyMap<number, CompiledField>;
  readonly required: readonly CompiledField[];
}

/**
 * Judges values against the tenant's catalog. A writer with a schema was judged by its version before the append; this holds for writers without one, and
 * makes sure that no record, whoever appended it, can put a value into the rows that the indexes have no order for. Where the catalog does not
 * know the type (no owner), sound values are accepted as they are.
 */
export function judgeFields(fields: Fields, owner: FieldOwner | undefined, path: string): void {
  for (const key in fields) {
    const value = fields[key]!.kind;
    if (!isSound(value)) {
      const at = `${path}[${key}]`;
      throw new Rejection('INVALID_VALUE', `${at} has no value of one kind`, { field: at });
    }
    if (!owner) continue;
    const field = owner.fields.get(Number(key));
    if (!field) {
      throw new Rejection('UNKNOWN_FIELD', `${owner.name} has no field ${key}`, {
        field: `${path}[${key}]`,
      });
    }
    // The plain case first: most fields are what they should be, and this runs for each of them.
    if (value.case !== field.kind || field.list || value.case === 'enum')
      judgeKind(value, field, owner, `${path}[${key}]`);
  }
}

export function judgeKind(
  value: AnyValue,
  field: CompiledField,
  owner: FieldOwner,
  path: string,
): void {
  const items = value.case === 'list' ? value.value.values.map((item) => item.kind) : [value];
  if (field.list !== (value.case === 'list') || items.some((item) => item.case !== field.kind)) {
    const wanted = field.list ? `a list of ${kindName(field.kind)}` : kindName(field.kind);
    throw new Rejection(
      'TYPE_MISMATCH',
      `${owner.name}.${field.name} is ${wanted} in this tenant`,
      { field: path },
    );
  }
  for (const item of items) {
    if (item.case === 'enum' && !field.definition.enumValues.includes(item.value)) {
      throw new Rejection(
        'UNKNOWN_ENUM_VALUE',
        `${owner.name}.${field.name} has no value ${JSON.stringify(item.value)}`,
        { field: path },
      );
    }
  }
}

export function judgeRequired(fields: Fields, owner: FieldOwner | undefined, path: string): void {
  for (const { id, name } of owner?.required ?? []) {
    if (!Object.hasOwn(fields, id))
      throw new Rejection('REQUIRED_FIELD', `${owner?.name}.${name} (field ${id}) is required`, {
        field: `${path}[${id}]`,
      });
  }
}

export function judgeClear(
  clear: readonly number[],
  owner: FieldOwner | undefined,
  path: string,
): void {
  if (!owner) return;
  clear.forEach((id, i) => {
    const field = owner.fields.get(id);
    const at = `${path}[${i}]`;
    if (!field)
      throw new Rejection('UNKNOWN_FIELD', `${owner.name} has no field ${id}`, { field: at });
    if (field.definition.required)
      throw new Rejection(
        'REQUIRED_FIELD',
        `${owner.name}.${field.name} (field ${id}) is required`,
        { field: at },
      );
  });
}

/** The gateway refuses what is not sound; a record of another origin is rejected rather than allowed to stop the tenant. */
function isSound(value: Fields[number]['kind']): value is AnyValue {
  switch (value.case) {
    case undefined:
      return false;
    case 'float':
      return Number.isFinite(value.value);
    case 'list': {
      const items = value.value.values;
      return items.every(
        ({ kind }) => kind.case !== 'list' && kind.case === items[0]!.kind.case && isSound(kind),
      );
    }
    default:
      return true;
  }
}
