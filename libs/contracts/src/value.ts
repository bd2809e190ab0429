import type { Value, ListValue } from './gen/entdb/v1/value_pb.ts';

/** A value that is there: the union inside the wire's Value. */
export type AnyValue = Exclude<Value['kind'], { case: undefined }>;
export type ValueKind = AnyValue['case'];
/** Fields by id, as messages carry them. Integer keys: iteration is in ascending order of ids. */
export type Fields = Record<number, Value>;

/** Wraps a value for the wire. */
export function valueOf(kind: AnyValue): Value {
  return { $typeName: 'entdb.v1.Value', kind };
}

export function listOf(values: readonly AnyValue[]): ListValue {
  return { $typeName: 'entdb.v1.ListValue', values: values.map(valueOf) };
}

/** Short constructors, for programs and tests. */
export const val = {
  str: (value: string) => valueOf({ case: 'str', value }),
  int: (value: bigint | number) => valueOf({ case: 'int', value: BigInt(value) }),
  float: (value: number) => valueOf({ case: 'float', value }),
  bool: (value: boolean) => valueOf({ case: 'bool', value }),
  timestamp: (microseconds: bigint) => valueOf({ case: 'timestampUs', value: microseconds }),
  json: (text: string) => valueOf({ case: 'json', value: text }),
  bytes: (value: Uint8Array) => valueOf({ case: 'bytes', value }),
  enum: (name: string) => valueOf({ case: 'enum', value: name }),
  ref: (id: string) => valueOf({ case: 'ref', value: id }),
  list: (values: readonly Value[]) =>
    valueOf({ case: 'list', value: { $typeName: 'entdb.v1.ListValue', values: [...values] } }),
} as const;
