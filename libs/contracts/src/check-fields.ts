import { EntError } from '@entdb/base';
import { checkValue, kindName } from './check-value.ts';
import type {
  CompiledField,
  CompiledSchema,
  CompiledEdgeType,
  CompiledNodeType,
} from './schema.ts';
import type { AnyValue, Fields } from './value.ts';

/** Checks values, and against the type where one is known. Paths name the part: `operations[2].create_node.fields[3]`. */
export interface FieldOwner {
  readonly name: string;
  readonly fields: ReadonlyMap<number, CompiledField>;
  readonly required: readonly CompiledField[];
}

/** Throws UNKNOWN_TYPE. */
export function nodeTypeOf(schema: CompiledSchema, typeId: number, path: string): CompiledNodeType {
  const type = schema.nodeTypes.get(typeId);
  if (type) return type;
  throw new EntError('UNKNOWN_TYPE', `${path}: the schema has no node type ${typeId}`, {
    field: `${path}.type_id`,
    hint: knownIds(schema.nodeTypes),
  });
}

/** Throws UNKNOWN_TYPE. */
export function edgeTypeOf(schema: CompiledSchema, typeId: number, path: string): CompiledEdgeType {
  const type = schema.edgeTypes.get(typeId);
  if (type) return type;
  throw new EntError('UNKNOWN_TYPE', `${path}: the schema has no edge type ${typeId}`, {
    field: `${path}.type_id`,
    hint: knownIds(schema.edgeTypes),
  });
}

const hintIdsMax = 20; // an error travels in headers, which have a limit

function knownIds(types: ReadonlyMap<number, { readonly name: string }>): string {
  const ids = [...types].slice(0, hintIdsMax).map(([id, type]) => `${id} (${type.name})`);
  return `it has: ${ids.join(', ') || 'none'}${types.size > hintIdsMax ? ', and more' : ''}`;
}

/** A uint32 of the wire, without 0. */
const fieldIdMax = 0xffffffff;

function isFieldId(id: number): boolean {
  return Number.isInteger(id) && id >= 1 && id <= fieldIdMax;
}

/** Throws UNKNOWN_FIELD. */
export function fieldOf(owner: FieldOwner, id: number, path: string): CompiledField {
  const field = owner.fields.get(id);
  if (field) return field;
  throw new EntError('UNKNOWN_FIELD', `${path}: ${owner.name} has no field ${id}`, {
    field: path,
    hint: knownIds(owner.fields),
  });
}

/** Throws INVALID_VALUE, INVALID_ID, UNKNOWN_FIELD, WRONG_KIND, UNKNOWN_ENUM_VALUE. Without an owner only the values themselves are judged. */
export function checkFields(fields: Fields, owner: FieldOwner | undefined, path: string): void {
  for (const key in fields) {
    const id = Number(key);
    const at = `${path}[${key}]`;
    if (!isFieldId(id))
      throw new EntError(
        'UNKNOWN_FIELD',
        `${at}: a field id is a whole number from 1 to ${fieldIdMax}`,
        { field: at, hint: 'fields are named by the ids of the schema' },
      );
    const value = checkValue(fields[id]!, at);
    if (owner) checkFieldValue(value, fieldOf(owner, id, at), owner.name, at);
  }
}

export function checkFieldValue(
  value: AnyValue,
  field: CompiledField,
  ownerName: string,
  path: string,
): void {
  if (field.list !== (value.case === 'list')) throw wrongKind(value, field, ownerName, path);
  for (const item of value.case === 'list'
    ? value.value.values.map((entry) => entry.kind)
    : [value]) {
    if (item.case !== field.kind) throw wrongKind(value, field, ownerName, path);
    if (item.case === 'enum' && !field.definition.enumValues.includes(item.value)) {
      throw new EntError(
        'UNKNOWN_ENUM_VALUE',
        `${path}: ${ownerName}.${field.name} has no value ${JSON.stringify(item.value)}`,
        {
          field: path,
          hint: `it has: ${field.definition.enumValues.join(', ')}`,
        },
      );
    }
  }
}

function wrongKind(
  value: AnyValue,
  field: CompiledField,
  ownerName: string,
  path: string,
): EntError {
  const wanted = field.list ? `a list of ${kindName(field.kind)}` : kindName(field.kind);
  const first = value.case === 'list' ? value.value.values[0]?.kind.case : undefined;
  const got =
    value.case === 'list' ? `a list${first ? ` of ${kindName(first)}` : ''}` : kindName(value.case);
  return new EntError(
    'WRONG_KIND',
    `${path}: ${ownerName}.${field.name} is ${wanted}, the value is ${got}`,
    { field: path, hint: `send ${wanted}` },
  );
}

/** Throws REQUIRED_FIELD. For inserts: every required field is there. */
export function checkRequired(fields: Fields, owner: FieldOwner, path: string): void {
  for (const field of owner.required) {
    if (!Object.hasOwn(fields, field.id)) throw requiredField(field, owner, path);
  }
}

/** Throws REQUIRED_FIELD, UNKNOWN_FIELD. For updates: no required field is cleared. */
export function checkClear(clear: readonly number[], owner: FieldOwner, path: string): void {
  clear.forEach((id, i) => {
    const field = fieldOf(owner, id, `${path}[${i}]`);
    if (field.definition.required) throw requiredField(field, owner, `${path}[${i}]`);
  });
}

function requiredField(field: CompiledField, owner: FieldOwner, path: string): EntError {
  return new EntError(
    'REQUIRED_FIELD',
    `${path}: ${owner.name}.${field.name} (field ${field.id}) is required`,
    { field: path, hint: 'give it a value; "", 0 and false are values' },
  );
}
