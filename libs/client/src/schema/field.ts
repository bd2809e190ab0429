/**
 * Fields: what they are called in the program, which stable number they have in the database, and what TypeScript type a value
 * of them has when it is written and when it is read.
 */
import type { NodeId } from '../values/flavor.ts';
import type { Json, JsonValue } from '../values/json.ts';
import type { Timestamp } from '../values/timestamp.ts';
import type { NodeHandle } from '../write/handle.ts';

export type FieldKind =
  | 'str'
  | 'int'
  | 'float'
  | 'bool'
  | 'timestamp'
  | 'json'
  | 'bytes'
  | 'enum'
  | 'ref';

export interface FieldOptions {
  /** Every node has it. */
  readonly required?: boolean;
  /** No two nodes of the type share a value of it. */
  readonly unique?: boolean;
  /** It can be sorted by, and filters on it are fast. */
  readonly indexed?: boolean;
  /** It is part of the full-text search. */
  readonly searchable?: boolean;
}

type Plain = Pick<FieldOptions, 'required'>;
type Ordered = Pick<FieldOptions, 'required' | 'unique' | 'indexed'>;
/** What an element of a list may be: lists have no order and no uniqueness. */
type Listable = Pick<FieldOptions, 'required' | 'searchable'> & {
  readonly unique?: false;
  readonly indexed?: false;
};
/** Refuses options that the kind does not have; inference alone would let them pass. */
type Only<O, Allowed> = O & { readonly [Name in Exclude<keyof O, keyof Allowed>]: never };

declare const types: unique symbol;

/** `In` is what a value is written as, `Out` what it is read as. */
export interface Field<
  In = unknown,
  Out = unknown,
  Options extends FieldOptions = FieldOptions,
  Kind extends FieldKind = FieldKind,
  List extends boolean = boolean,
> {
  /** Stable for ever: the name may change, the number may not. */
  readonly id: number;
  readonly kind: Kind;
  readonly list: List;
  readonly options: Options;
  readonly enumValues: readonly string[];
  /** Name of the node type that a ref points at; undefined for any. */
  readonly refType: string | undefined;
  /** Types only: there is nothing at run time. */
  readonly [types]?: { readonly in: In; readonly out: Out };
}

/** A node as another one may point at it: by its id, or by the handle of the operation that creates it. */
export type NodeRef<Type extends string = string> = NodeId<Type> | NodeHandle<Type>;

function make<In, Out, O extends FieldOptions, K extends FieldKind>(
  kind: K,
  id: number,
  options: O | undefined,
  more: { readonly enumValues?: readonly string[]; readonly refType?: string } = {},
): Field<In, Out, O, K, false> {
  return Object.freeze({
    id,
    kind,
    list: false as const,
    options: options ?? ({} as O), // O is inferred as {} where no options are given
    enumValues: more.enumValues ?? [],
    refType: more.refType,
  });
}

type None = Record<never, never>;
type StrField<O extends FieldOptions> = Field<string, string, O, 'str', false>;
type IntField<O extends FieldOptions> = Field<bigint | number, bigint, O, 'int', false>;
type FloatField<O extends FieldOptions> = Field<number, number, O, 'float', false>;
type BoolField<O extends FieldOptions> = Field<boolean, boolean, O, 'bool', false>;
type TimestampField<O extends FieldOptions> = Field<
  Date | Timestamp,
  Timestamp,
  O,
  'timestamp',
  false
>;
/** A bare null means absent, as everywhere; the JSON null is `jsonOfText('null')`. */
type JsonField<O extends FieldOptions> = Field<
  NonNullable<JsonValue> | Json,
  Json,
  O,
  'json',
  false
>;
type BytesField<O extends FieldOptions> = Field<Uint8Array, Uint8Array, O, 'bytes', false>;
type EnumField<Value extends string, O extends FieldOptions> = Field<
  Value,
  Value,
  O,
  'enum',
  false
>;
type RefField<Type extends string, O extends FieldOptions> = Field<
  NodeRef<Type>,
  NodeId<Type>,
  O,
  'ref',
  false
>;

export const field = {
  /** Text. */
  str: <const O extends FieldOptions = None>(
    id: number,
    options?: Only<O, FieldOptions>,
  ): StrField<O> => make('str', id, options),

  /** A 64-bit integer: written as number or bigint, read as bigint, exact from end to end. */
  int: <const O extends Ordered = None>(id: number, options?: Only<O, Ordered>): IntField<O> =>
    make('int', id, options),

  /** A finite double. */
  float: <const O extends Ordered = None>(id: number, options?: Only<O, Ordered>): FloatField<O> =>
    make('float', id, options),

  bool: <const O extends Ordered = None>(id: number, options?: Only<O, Ordered>): BoolField<O> =>
    make('bool', id, options),

  /** A moment, in microseconds: written as Date or Timestamp, read as Timestamp. */
  timestamp: <const O extends Ordered = None>(
    id: number,
    options?: Only<O, Ordered>,
  ): TimestampField<O> => make('timestamp', id, options),

  /** Any JSON. Read as `Json`: its text, and its value on demand. */
  json: <const O extends Plain = None>(id: number, options?: Only<O, Plain>): JsonField<O> =>
    make('json', id, options),

  bytes: <const O extends Ordered = None>(id: number, options?: Only<O, Ordered>): BytesField<O> =>
    make('bytes', id, options),

  /** One of the names given. A name that a newer schema has added is read as it is. */
  enum: <const Values extends readonly [string, ...string[]], const O extends Ordered = None>(
    id: number,
    values: Values,
    options?: Only<O, Ordered>,
  ): EnumField<Values[number], O> => make('enum', id, options, { enumValues: values }),

  /** A node of the type named. By name, so that types can point at themselves and at each other. */
  ref: <const Type extends string, const O extends Ordered = None>(
    id: number,
    type: Type,
    options?: Only<O, Ordered>,
  ): RefField<Type, O> => make('ref', id, options, { refType: type }),

  /** A node of any type. */
  anyRef: <const O extends Ordered = None>(
    id: number,
    options?: Only<O, Ordered>,
  ): RefField<string, O> => make('ref', id, options),

  /** A list of what the inner field describes; number and options are the inner field's. */
  list: <In, Out, O extends Listable, K extends FieldKind>(
    item: Field<In, Out, O, K, false>,
  ): Field<readonly In[], readonly Out[], O, K, true> =>
    // The phantom types are the only difference beside the flag.
    Object.freeze({ ...item, list: true }) as Field<readonly In[], readonly Out[], O, K, true>,
} as const;

/** Fields by the names that the program gives them. */
export type Fields = Readonly<Record<string, Field>>;

export type InputOf<F extends Field> = F extends Field<infer In, unknown> ? In : never;
export type OutputOf<F extends Field> = F extends Field<unknown, infer Out> ? Out : never;

/** The names of the fields that carry an option. */
export type NamesWith<F extends Fields, Option extends keyof FieldOptions> = {
  [Name in keyof F]: F[Name]['options'] extends { readonly [O in Option]: true } ? Name : never;
}[keyof F] &
  string;
