import { EntError } from '@entdb/base';
import type { AnyValue, ValueKind } from './value.ts';
import type { Value } from './gen/entdb/v1/value_pb.ts';

export const nodeIdLengthMax = 256;

/** A node id is 1 to 256 characters of well-formed text without NUL that does not begin with "$" (that is an alias). */
export function checkNodeId(id: string, path: string): void {
  if (
    id.length >= 1 &&
    id.length <= nodeIdLengthMax &&
    id.isWellFormed() &&
    !id.includes('\0') &&
    !id.startsWith('$')
  )
    return;
  throw new EntError(
    'INVALID_ID',
    `${path}: a node id has 1 to ${nodeIdLengthMax} characters of well-formed text, without NUL, and does not begin with "$"`,
    { field: path, hint: 'leave the id out to have one minted' },
  );
}

/** The value inside, if it is one of its kind. Throws INVALID_VALUE with the path. Needs no schema. */
export function checkValue(value: Value, path: string): AnyValue {
  const kind = value.kind;
  if (kind.case === undefined)
    throw invalidValue(path, 'it says no kind', 'to make a field absent, clear it');
  checkScalar(kind, path);
  if (kind.case === 'list') {
    const first = kind.value.values[0]?.kind.case;
    kind.value.values.forEach((item, i) => {
      if (item.kind.case === 'list')
        throw invalidValue(`${path}[${i}]`, 'lists do not nest', 'use a json value');
      if (item.kind.case === undefined || item.kind.case !== first)
        throw invalidValue(`${path}[${i}]`, 'a list holds values of one kind', 'use a json value');
      checkScalar(item.kind, `${path}[${i}]`);
    });
  }
  return kind;
}

function checkScalar(value: AnyValue, path: string): void {
  switch (value.case) {
    case 'str':
    case 'enum':
      if (!value.value.isWellFormed())
        throw invalidValue(
          path,
          'the text is not well-formed Unicode',
          'use bytes for what is no text',
        );
      return;
    case 'ref':
      // An alias ("$alice") is resolved before this check.
      checkNodeId(value.value, path);
      return;
    case 'float':
      if (!Number.isFinite(value.value))
        throw invalidValue(
          path,
          `${value.value} is not a finite number`,
          'leave the field out, or use a str',
        );
      return;
    case 'json':
      if (!value.value.isWellFormed() || !isJson(value.value))
        throw invalidValue(path, 'the text is not JSON', 'send the text of one JSON value');
      return;
    case 'int':
    case 'timestampUs':
      if (BigInt.asIntN(64, value.value) !== value.value)
        throw invalidValue(
          path,
          `${value.value} does not fit 64 bits`,
          'use a str for larger numbers',
        );
      return;
    case 'bool':
    case 'bytes':
    case 'list':
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // the answer to the question, not a fault
  }
}

function invalidValue(path: string, problem: string, hint: string): EntError {
  return new EntError('INVALID_VALUE', `${path}: ${problem}`, {
    field: path,
    hint,
  });
}

/** How messages name a kind. */
export function kindName(kind: ValueKind): string {
  return kind === 'timestampUs' ? 'timestamp' : kind;
}
