import type { Node } from '@entdb/contracts';
import type { NodeRow } from '../rows.ts';
import type { KeyRange } from './key-range.ts';
import { columnsOf, indexKeyOf, nodeOf, strayIndex, type Indexed } from './node-rows.ts';
import type { Place } from './place.ts';
import type { Walk } from './plan.ts';
import type { ReadFile } from './read-file.ts';

/** A node that a walk came past. */
export interface Passed {
  readonly place: Place;
  readonly node: Node;
  /** False where the walk only looked at it on the way: it has or had another place in this order. */
  readonly counts: boolean;
}

export interface WalkOptions {
  readonly file: ReadFile;
  readonly typeId: number;
  readonly descending: boolean;
  /** Begins behind this place; at the beginning without it. */
  readonly after: Place | undefined;
}

const nodeColumns = columnsOf('node', 'n');

/** The nodes of a walk in its order, each verified. Stop when enough is seen: rows are read as they are asked for. */
export function walkNodes(walk: Walk, options: WalkOptions): Generator<Passed> {
  switch (walk.over) {
    case 'id':
      return walkIds(options);
    case 'createdAt':
      return walkTimes('created_at', options);
    case 'updatedAt':
      return walkTimes('updated_at', options);
    case 'equals':
      return walkEquals(walk.fieldId, walk.key, options);
    case 'field':
      return walkField(walk, options);
  }
}

/** In SQLite's order a blob stands above every text: an id that is behind the last. */
const behindAllIds = Buffer.of();
const idBefore = (descending: boolean) => (descending ? behindAllIds : '');
const direction = (descending: boolean) => (descending ? 'DESC' : 'ASC');
const beyond = (descending: boolean) => (descending ? '<' : '>');

function* walkIds({ file, typeId, descending, after }: WalkOptions): Generator<Passed> {
  const sql = `SELECT ${nodeColumns} FROM nodes n
    WHERE n.type = ? AND n.id ${beyond(descending)} ? ORDER BY n.id ${direction(descending)}`;
  const rows = file.prepare<[number, string | Buffer], NodeRow>(sql);
  for (const row of rows.iterate(typeId, after?.id ?? idBefore(descending))) {
    const node = nodeOf(row);
    yield { place: { value: null, id: node.id }, node, counts: true };
  }
}

function* walkTimes(
  column: 'created_at' | 'updated_at',
  { file, typeId, descending, after }: WalkOptions,
): Generator<Passed> {
  const sql = `SELECT ${nodeColumns} FROM nodes n
    WHERE n.type = ? AND (n.${column}, n.id) ${beyond(descending)} (?, ?)
    ORDER BY n.${column} ${direction(descending)}, n.id ${direction(descending)}`;
  const rows = file.prepare<[number, number, string], NodeRow>(sql);
  const from = typeof after?.value === 'number' ? after.value : descending ? 2 ** 53 : -1;
  for (const row of rows.iterate(typeId, from, after?.id ?? '')) {
    const node = nodeOf(row);
    yield { place: { value: row[column], id: node.id }, node, counts: true };
  }
}

type FieldRow = Indexed<NodeRow> & { readonly index_key: Buffer; readonly node_id: string };

function* walkEquals(
  fieldId: number,
  key: Buffer,
  { file, typeId, descending, after }: WalkOptions,
): Generator<Passed> {
  const sql = `SELECT f.value AS index_key, f.node_id, ${nodeColumns}
    FROM field_index f LEFT JOIN nodes n ON n.id = f.node_id
    WHERE f.type = ? AND f.field = ? AND f.value = ? AND f.node_id ${beyond(descending)} ?
    ORDER BY f.node_id ${direction(descending)}`;
  const rows = file.prepare<[number, number, Buffer, string | Buffer], FieldRow>(sql);
  for (const row of rows.iterate(typeId, fieldId, key, after?.id ?? idBefore(descending))) {
    const node = indexedNode(row, 'field_index', typeId, fieldId);
    yield { place: { value: null, id: node.id }, node, counts: true };
  }
}

function* walkField(
  walk: Extract<Walk, { readonly over: 'field' }>,
  options: WalkOptions,
): Generator<Passed> {
  const { after, descending } = options;
  const isPastKeys = after !== undefined && after.value === null;
  if (!isPastKeys) {
    const ranges = descending ? [...walk.ranges].reverse() : walk.ranges;
    for (const range of ranges) yield* walkRange(walk.fieldId, range, options);
  }
  if (!walk.thenAbsent) return;
  for (const passed of walkIds({ ...options, after: isPastKeys ? after : undefined })) {
    const isAbsent = indexKeyOf(passed.node.fields, walk.fieldId) === null;
    yield { ...passed, counts: isAbsent };
  }
}

function* walkRange(
  fieldId: number,
  range: KeyRange,
  { file, typeId, descending, after }: WalkOptions,
): Generator<Passed> {
  // Both ends of a range fall between keys, so that no id is needed there: ids are not empty.
  const start = descending ? range.to : range.from;
  const end = descending ? range.from : range.to;
  const last = Buffer.isBuffer(after?.value) ? after.value : undefined;
  const isWithin = last && (descending ? last.compare(start) < 0 : last.compare(start) >= 0);
  const sql = `SELECT f.value AS index_key, f.node_id, ${nodeColumns}
    FROM field_index f LEFT JOIN nodes n ON n.id = f.node_id
    WHERE f.type = ? AND f.field = ?
      AND (f.value, f.node_id) ${beyond(descending)} (?, ?) AND f.value ${descending ? '>=' : '<'} ?
    ORDER BY f.value ${direction(descending)}, f.node_id ${direction(descending)}`;
  const rows = file.prepare<[number, number, Buffer, string, Buffer], FieldRow>(sql);
  const from: [Buffer, string] = isWithin && after ? [last, after.id] : [start, ''];
  for (const row of rows.iterate(typeId, fieldId, ...from, end)) {
    const node = indexedNode(row, 'field_index', typeId, fieldId);
    yield { place: { value: row.index_key, id: node.id }, node, counts: true };
  }
}

/** The node that a row of an index on one field leads to. Throws STORE_CORRUPT where the two do not say the same. */
export function indexedNode(
  row: FieldRow,
  index: 'field_index' | 'unique_keys',
  typeId: number,
  fieldId: number,
): Node {
  if (row.id === null) throw strayIndex(index, row.node_id, 'leads to no node');
  const node = nodeOf(row as NodeRow); // null columns, if any, fail its checksum
  if (node.typeId !== typeId || !indexKeyOf(node.fields, fieldId)?.equals(row.index_key)) {
    throw strayIndex(index, row.node_id, `has a value that its field ${fieldId} does not have`);
  }
  return node;
}
