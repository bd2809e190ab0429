import type { Field, Fields, InputOf, NamesWith, OutputOf } from './field.ts';

/** Combinations of fields that are unique together. */
export type UniqueCombinations<Name extends string = string> = readonly (readonly Name[])[];

export interface NodeType<
  Name extends string = string,
  F extends Fields = Fields,
  U extends UniqueCombinations = UniqueCombinations,
> {
  readonly kind: 'node';
  readonly name: Name;
  readonly id: number;
  readonly fields: F;
  readonly unique: U;
  readonly byId: FieldsById;
}

export interface EdgeType<
  Name extends string = string,
  F extends Fields = Fields,
  From extends string = string,
  To extends string = string,
> {
  readonly kind: 'edge';
  readonly name: Name;
  readonly id: number;
  readonly fields: F;
  /** Names of the node types that it may start at; empty for any. */
  readonly from: readonly From[];
  readonly to: readonly To[];
  readonly byId: FieldsById;
}

export interface NamedField {
  readonly name: string;
  readonly field: Field;
}

export type FieldsById = ReadonlyMap<number, NamedField>;

/** A type of nodes: its name, its stable number, its fields, and the combinations of them that are unique. */
export function nodeType<
  const Name extends string,
  const F extends Fields,
  const U extends UniqueCombinations<keyof F & string> = readonly [],
>(name: Name, id: number, fields: F, options?: { readonly unique?: U }): NodeType<Name, F, U> {
  const unique = options?.unique ?? ([] as UniqueCombinations as U); // U is [] where none are given
  return Object.freeze({ kind: 'node', name, id, fields, unique, byId: fieldsById(fields) });
}

type NameOf<Types extends readonly NodeType[]> = Types extends readonly []
  ? string
  : Types[number]['name'];

/** A type of edges: from nodes of some types to nodes of some types, for any type where none is named. */
export function edgeType<
  const Name extends string,
  const From extends readonly NodeType[] = readonly [],
  const To extends readonly NodeType[] = readonly [],
  const F extends Fields = Record<never, never>,
>(
  name: Name,
  id: number,
  ends: { readonly from?: From; readonly to?: To; readonly fields?: F } = {},
): EdgeType<Name, F, NameOf<From>, NameOf<To>> {
  const fields = ends.fields ?? ({} as F); // F is {} where none are given
  const from = (ends.from ?? []).map((type) => type.name) as NameOf<From>[]; // the names of those very types
  const to = (ends.to ?? []).map((type) => type.name) as NameOf<To>[];
  return Object.freeze({ kind: 'edge', name, id, fields, from, to, byId: fieldsById(fields) });
}

function fieldsById(fields: Fields): FieldsById {
  return new Map(Object.entries(fields).map(([name, field]) => [field.id, { name, field }]));
}

/** Shows the members of an intersection as one object. */
type Shown<T> = { [Name in keyof T]: T[Name] };
type Optional<F extends Fields> = Exclude<keyof F & string, NamesWith<F, 'required'>>;

/** What a new node or edge is made of. `undefined` is the same as leaving the field out. */
export type NewFields<F extends Fields> = Shown<
  { readonly [Name in NamesWith<F, 'required'>]: InputOf<F[Name]> } & {
    readonly [Name in Optional<F>]?: InputOf<F[Name]> | undefined;
  }
>;

/** What may be changed. `null` makes an optional field absent; "", 0 and false are values; `undefined` leaves it alone. */
export type ChangedFields<F extends Fields> = {
  readonly [Name in keyof F]?:
    | InputOf<F[Name]>
    | (Name extends NamesWith<F, 'required'> ? never : null)
    | undefined;
};

/** What must hold: a value is equal, `null` is absent. */
export type ExpectedFields<F extends Fields> = {
  readonly [Name in keyof F]?: InputOf<F[Name]> | null | undefined;
};

/** What is read. An absent field has no property. */
export type ReadFields<F extends Fields> = Shown<
  { readonly [Name in NamesWith<F, 'required'>]: OutputOf<F[Name]> } & {
    readonly [Name in Optional<F>]?: OutputOf<F[Name]>;
  }
>;

type Picked<F extends Fields, Names> = Names extends readonly (keyof F)[]
  ? { readonly [Name in Names[number]]: InputOf<F[Name]> }
  : never;

/** The fields that name one node: a unique field, or a unique combination. */
export type KeyOf<Type extends NodeType> =
  | {
      [Name in NamesWith<Type['fields'], 'unique'>]: Picked<Type['fields'], readonly [Name]>;
    }[NamesWith<Type['fields'], 'unique'>]
  | Picked<Type['fields'], Type['unique'][number]>;
