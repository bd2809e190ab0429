/**
 * From the program's values to the wire's. What the gateway would refuse is refused here with the same code, so that a mistake
 * costs no round trip; what only the state can judge is left to the applier.
 */
import { EntError, type ErrorCode } from '@entdb/base';
import {
  listOf,
  valueOf,
  type AnyValue,
  type Fields as WireFields,
  type Value,
} from '@entdb/contracts';
import type { Field } from '../schema/field.ts';
import type { EdgeType, NodeType } from '../schema/types.ts';
import { isHandle, type NameNode } from '../write/handle.ts';
import { isJson, jsonText } from './json.ts';
import { timestampOf } from './timestamp.ts';

type AnyType = NodeType | EdgeType;

/** Where a value goes: for messages (`User.age`) and for programs (`operations[2].create_node.fields[2]`). */
interface Place {
  readonly label: string;
  readonly path: string;
  readonly nameNode: NameNode;
}

/** Fields that are set, and fields that are to be absent. */
export interface EncodedFields {
  readonly set: WireFields;
  readonly absent: readonly number[];
}

/** `undefined` is left out, `null` is absent. Throws UNKNOWN_FIELD, WRONG_KIND, INVALID_VALUE, UNKNOWN_ENUM_VALUE. */
export function encodeFields(
  type: AnyType,
  input: Readonly<Record<string, unknown>>,
  path: string,
  nameNode: NameNode,
): EncodedFields {
  const set: WireFields = {};
  const absent: number[] = [];
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined) continue;
    const field = fieldOf(type, name, path);
    if (value === null) absent.push(field.id);
    else set[field.id] = encodeField(type, name, value, `${path}[${field.id}]`, nameNode);
  }
  return { set, absent };
}

/** For inserts: every required field is there, and none is null. Throws REQUIRED_FIELD, too. */
export function encodeNewFields(
  type: AnyType,
  input: Readonly<Record<string, unknown>>,
  path: string,
  nameNode: NameNode,
): WireFields {
  const { set } = encodeFields(type, input, path, nameNode);
  for (const [name, field] of Object.entries(type.fields)) {
    if (field.options.required && !Object.hasOwn(set, field.id)) {
      throw new EntError('REQUIRED_FIELD', `${type.name}.${name} is required`, { field: path });
    }
  }
  return set;
}

export function encodeField(
  type: AnyType,
  name: string,
  value: unknown,
  path: string,
  nameNode: NameNode,
): Value {
  const field = fieldOf(type, name, path);
  const place: Place = { label: `${type.name}.${name}`, path, nameNode };
  if (!field.list) return valueOf(encodeScalar(field, value, place));
  if (!Array.isArray(value)) throw wrongKind(field, value, place);
  const items: readonly unknown[] = value;
  const elements = items.map((item, i) =>
    encodeScalar(field, item, { ...place, path: `${path}[${i}]` }),
  );
  return valueOf({ case: 'list', value: listOf(elements) });
}

/** One element of a list field, for filters that look for it. */
export function encodeElement(
  type: AnyType,
  name: string,
  value: unknown,
  path: string,
  nameNode: NameNode,
): Value {
  const place: Place = { label: `${type.name}.${name}`, path, nameNode };
  return valueOf(encodeScalar(fieldOf(type, name, path), value, place));
}

function fieldOf(type: AnyType, name: string, path: string): Field {
  const field = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
  if (field) return field;
  throw new EntError('UNKNOWN_FIELD', `${type.name} has no field ${JSON.stringify(name)}`, {
    field: path,
    hint: `it has: ${Object.keys(type.fields).join(', ') || 'none'}`,
  });
}

function encodeScalar(field: Field, value: unknown, place: Place): AnyValue {
  switch (field.kind) {
    case 'str':
      if (typeof value !== 'string') throw wrongKind(field, value, place);
      return { case: 'str', value: wellFormed(value, place) };
    case 'int':
      return { case: 'int', value: int64(field, value, place) };
    case 'float':
      if (typeof value !== 'number') throw wrongKind(field, value, place);
      if (!Number.isFinite(value)) throw invalidValue(`${value} is not a finite number`, place);
      return { case: 'float', value };
    case 'bool':
      if (typeof value !== 'boolean') throw wrongKind(field, value, place);
      return { case: 'bool', value };
    case 'timestamp':
      return { case: 'timestampUs', value: microseconds(field, value, place) };
    case 'json':
      return {
        case: 'json',
        value: wellFormed(isJson(value) ? value.text : jsonText(value, place.path), place),
      };
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw wrongKind(field, value, place);
      return { case: 'bytes', value };
    case 'enum':
      return { case: 'enum', value: enumName(field, value, place) };
    case 'ref':
      if (typeof value !== 'string' && !isHandle(value)) throw wrongKind(field, value, place);
      return { case: 'ref', value: wellFormed(place.nameNode(value, place.path), place) };
  }
}

function int64(field: Field, value: unknown, place: Place): bigint {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return BigInt(value);
    throw invalidValue(
      `${value} is not an integer that a number holds exactly`,
      place,
      'pass a bigint, for example 9007199254740993n',
    );
  }
  if (typeof value !== 'bigint') throw wrongKind(field, value, place);
  if (BigInt.asIntN(64, value) !== value)
    throw invalidValue(`${value} does not fit 64 bits`, place);
  return value;
}

function microseconds(field: Field, value: unknown, place: Place): bigint {
  if (typeof value === 'bigint') return int64(field, value, place);
  if (!(value instanceof Date)) throw wrongKind(field, value, place);
  if (Number.isNaN(value.getTime())) throw invalidValue('the Date is not valid', place);
  return timestampOf(value);
}

function enumName(field: Field, value: unknown, place: Place): string {
  if (typeof value !== 'string') throw wrongKind(field, value, place);
  if (field.enumValues.includes(value)) return value;
  throw new EntError('UNKNOWN_ENUM_VALUE', `${place.label} has no value ${JSON.stringify(value)}`, {
    field: place.path,
    hint: `it has: ${field.enumValues.join(', ')}`,
  });
}

function wellFormed(text: string, place: Place): string {
  if (text.isWellFormed()) return text;
  throw invalidValue('the text is not well-formed Unicode', place);
}

function wrongKind(field: Field, value: unknown, place: Place): EntError {
  const wanted = field.list ? `a list of ${field.kind}` : field.kind;
  return fault('WRONG_KIND', `it is ${wanted}, the value is ${describe(value)}`, place);
}

function invalidValue(problem: string, place: Place, hint?: string): EntError {
  return fault('INVALID_VALUE', problem, place, hint);
}

function fault(code: ErrorCode, problem: string, { label, path }: Place, hint?: string): EntError {
  return new EntError(code, `${label}: ${problem}`, {
    field: path,
    ...(hint !== undefined && { hint }),
  });
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object'
    ? `a ${value.constructor?.name ?? 'object'}`
    : `a ${typeof value}`;
}
