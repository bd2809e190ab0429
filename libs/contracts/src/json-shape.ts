import { ScalarType, type DescEnum, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { lengthTag, varintTag, doubleTag } from './wire-fields.ts';

/**
 * What the way between a message's bytes and its JSON text needs to know of the message (json-text.ts, json-wire.ts), taken from the contract once: a field
 * that is added to proto/ is covered without a change here.
 */
export interface Shape {
  readonly byNumber: readonly (Part | undefined)[];
  readonly byName: ReadonlyMap<string, Part>;
  /** One bit for each oneof. */
  readonly oneofs: number;
}

export type PartKind =
  | 'text'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'double'
  | 'bool'
  | 'bytes'
  | 'enum'
  | 'message';

/** A field. */
export interface Part {
  readonly number: number;
  /** As it stands on the wire. */
  readonly tag: number;
  /** `"name":`, as it stands in the text. */
  readonly label: Uint8Array;
  readonly many: 'one' | 'list' | 'packed' | 'map';
  readonly kind: PartKind;
  /** The bit of its oneof, or 0. */
  readonly oneof: number;
  /** Left out where it says nothing: an empty text, 0, false. */
  readonly implicit: boolean;
  /** Of a message, also as a list's item or a map's value. */
  readonly shape: Shape | undefined;
  readonly names: ReadonlyMap<number, string>;
  readonly numbers: ReadonlyMap<string, number>;
}

const shapes = new Map<DescMessage, Shape>();

export function shapeOf(desc: DescMessage): Shape {
  const made = shapes.get(desc);
  if (made) return made;
  const byNumber: (Part | undefined)[] = [];
  const byName = new Map<string, Part>();
  const shape: Shape = { byNumber, byName, oneofs: 2 ** desc.oneofs.length - 1 };
  shapes.set(desc, shape); // before its fields: a filter holds filters
  for (const field of desc.fields) {
    const part = partOf(desc, field);
    if (!part) continue; // whoever meets it takes the long way
    byNumber[field.number] = part;
    byName.set(field.jsonName, part);
  }
  return shape;
}

const scalarKinds: Partial<Record<ScalarType, PartKind>> = {
  [ScalarType.STRING]: 'text',
  [ScalarType.UINT32]: 'uint32',
  [ScalarType.INT64]: 'int64',
  [ScalarType.UINT64]: 'uint64',
  [ScalarType.DOUBLE]: 'double',
  [ScalarType.BOOL]: 'bool',
  [ScalarType.BYTES]: 'bytes',
};

/** Undefined for what our contracts do not use. */
function partOf(desc: DescMessage, field: DescField): Part | undefined {
  const kind = kindOf(field);
  const many = manyOf(field, kind);
  if (kind === undefined || many === undefined) return undefined;
  return {
    number: field.number,
    tag: many === 'packed' ? lengthTag(field) : tagOf(field, kind),
    label: Buffer.from(`${JSON.stringify(field.jsonName)}:`),
    many,
    kind,
    oneof: field.oneof ? 2 ** desc.oneofs.indexOf(field.oneof) : 0,
    implicit: many === 'one' && field.presence === FeatureSet_FieldPresence.IMPLICIT,
    shape: field.message && shapeOf(field.message),
    names: new Map(valuesOf(field.enum).map(({ number, name }) => [number, name])),
    numbers: new Map(valuesOf(field.enum).map(({ number, name }) => [name, number])),
  };
}

function kindOf(field: DescField): PartKind | undefined {
  if (field.message) return field.message.file.proto.package === 'entdb.v1' ? 'message' : undefined;
  if (field.enum) return 'enum';
  return field.scalar === undefined ? undefined : scalarKinds[field.scalar];
}

function manyOf(field: DescField, kind: PartKind | undefined): Part['many'] | undefined {
  if (field.fieldKind === 'map')
    return field.mapKey === ScalarType.UINT32 && kind === 'message' ? 'map' : undefined;
  if (field.fieldKind !== 'list') return 'one';
  if (!field.packed) return kind === 'text' || kind === 'message' ? 'list' : undefined;
  return kind === 'uint32' ? 'packed' : undefined;
}

function tagOf(field: DescField, kind: PartKind): number {
  if (kind === 'double') return doubleTag(field);
  return kind === 'text' || kind === 'bytes' || kind === 'message'
    ? lengthTag(field)
    : varintTag(field);
}

const valuesOf = (desc: DescEnum | undefined) => desc?.values ?? [];

/** Thrown to leave the short way; nothing is said of why, for the long way says it. */
export const irregular = new Error('not in the one form that we write');
