import { EntError } from '@entdb/base';
import {
  decodeFields,
  encodeFields,
  type CompiledNodeType,
  type Fields,
  type UniqueKey,
} from '@entdb/contracts';
import { searchText } from '../catalog.ts';
import { columns, nodeHash, verifyNode, type NodeRow } from '../rows.ts';
import type { TenantFile } from '../sqlite/tenant-file.ts';
import { indexEntriesOf, uniqueKeysOf, type BoundKey, type IndexEntry } from './node-keys.ts';

const sql = {
  find: `SELECT ${columns.node} FROM nodes WHERE id = ?`,
  page: `SELECT ${columns.node} FROM nodes WHERE type = ? AND id > ? ORDER BY id LIMIT ?`,
  insert: `INSERT INTO nodes (id, type, version, created_at, updated_at, fields, hash) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO NOTHING`,
  update: 'UPDATE nodes SET version = ?, updated_at = ?, fields = ?, hash = ? WHERE rid = ?',
  remove: 'DELETE FROM nodes WHERE rid = ?',
  ownerOf: 'SELECT node_id FROM unique_keys WHERE type = ? AND name = ? AND value = ?',
  addUniqueKey: 'INSERT INTO unique_keys (type, name, value, node_id) VALUES (?, ?, ?, ?)',
  removeUniqueKey: 'DELETE FROM unique_keys WHERE type = ? AND name = ? AND value = ?',
  addIndexEntry: 'INSERT INTO field_index (type, field, value, node_id) VALUES (?, ?, ?, ?)',
  removeIndexEntry:
    'DELETE FROM field_index WHERE type = ? AND field = ? AND value = ? AND node_id = ?',
  addText: 'INSERT INTO nodes_fts (rowid, text) VALUES (?, ?)',
  removeText: 'DELETE FROM nodes_fts WHERE rowid = ?',
} as const;

/** A node's type in the catalog; undefined where the catalog does not know it (then nothing is derived of its nodes). */
export type KnownType = CompiledNodeType | undefined;

/** The nodes with everything that is derived of them: unique keys, index entries, full text. Each change keeps the digest. */
export interface NodeTable {
  /** Verified. */
  find(id: string): NodeRow | undefined;
  /** In ascending order of ids, at most `limit` after `afterId`. Verified. */
  page(type: number, afterId: string, limit: number): readonly NodeRow[];
  /** Who holds a unique key. */
  ownerOf(type: CompiledNodeType, bound: BoundKey): string | undefined;
  /** `keys` are the node's unique keys, none of which is held. False where the id is taken: then nothing is written. */
  insert(node: NewNode, type: KnownType, keys: readonly BoundKey[]): boolean;
  /** The caller has judged the new fields. */
  update(before: NodeRow, after: NodeChange, type: KnownType): void;
  remove(row: NodeRow, type: KnownType): void;
  addUniqueKey(type: CompiledNodeType, bound: BoundKey, nodeId: string): void;
  addIndexEntry(type: CompiledNodeType, entry: IndexEntry, nodeId: string): void;
  setSearchText(rid: number, text: string): void;
  clear(): void;
}

export interface NewNode {
  readonly id: string;
  readonly typeId: number;
  readonly fields: Fields;
  readonly timeUs: number;
}

export interface NodeChange {
  readonly fields: Fields;
  readonly bytes: Buffer;
  readonly timeUs: number;
}

export function createNodeTable(file: TenantFile): NodeTable {
  const { db } = file;

  const addUniqueKey = (type: CompiledNodeType, { key, value }: BoundKey, nodeId: string) => {
    db.prepare(sql.addUniqueKey).run(type.id, key.name, value, nodeId);
  };
  const removeUniqueKey = (type: CompiledNodeType, { key, value }: BoundKey) => {
    db.prepare(sql.removeUniqueKey).run(type.id, key.name, value);
  };
  const addIndexEntry = (type: CompiledNodeType, { field, value }: IndexEntry, nodeId: string) => {
    db.prepare(sql.addIndexEntry).run(type.id, field, value, nodeId);
  };
  const removeIndexEntry = (
    type: CompiledNodeType,
    { field, value }: IndexEntry,
    nodeId: string,
  ) => {
    db.prepare(sql.removeIndexEntry).run(type.id, field, value, nodeId);
  };
  const addText = (rid: number, text: string) => {
    if (text !== '') db.prepare(sql.addText).run(rid, text);
  };
  const removeText = (rid: number) => {
    db.prepare(sql.removeText).run(rid);
  };

  return {
    find(id) {
      const row = db.prepare<[string], NodeRow>(sql.find).get(id);
      return row && verifyNode(row);
    },
    page(type, afterId, limit) {
      return db
        .prepare<[number, string, number], NodeRow>(sql.page)
        .all(type, afterId, limit)
        .map(verifyNode);
    },
    ownerOf(type, { key, value }) {
      const owner = db
        .prepare<[number, string, Buffer], { node_id: string }>(sql.ownerOf)
        .get(type.id, key.name, value)?.node_id;
      if (owner === undefined) return undefined;
      const row = this.find(owner);
      // The table has no checksum of its own: the node it points at must agree before it decides a verdict.
      const agrees =
        row?.type === type.id &&
        uniqueKeysOf(type, decodeFields(row.fields)).some(
          (held) => held.key.name === key.name && held.value.equals(value),
        );
      if (!agrees) throw disagreement('unique_keys', key, owner);
      return owner;
    },
    insert({ id, typeId, fields, timeUs }, type, keys) {
      const row = {
        id,
        type: typeId,
        version: 1,
        created_at: timeUs,
        updated_at: timeUs,
        fields: encodeFields(fields),
      };
      const hash = nodeHash(row);
      const { changes, lastInsertRowid } = db
        .prepare(sql.insert)
        .run(id, typeId, 1, timeUs, timeUs, row.fields, hash);
      if (changes === 0) return false;
      file.digest.add(hash);
      if (!type) return true;
      for (const bound of keys) addUniqueKey(type, bound, id);
      for (const entry of indexEntriesOf(type, fields)) addIndexEntry(type, entry, id);
      addText(Number(lastInsertRowid), searchText(type, fields));
      return true;
    },
    update(before, { fields, bytes, timeUs }, type) {
      const after = { ...before, version: before.version + 1, updated_at: timeUs, fields: bytes };
      const hash = nodeHash(after);
      db.prepare(sql.update).run(after.version, timeUs, bytes, hash, before.rid);
      file.digest.remove(before.hash);
      file.digest.add(hash);
      if (!type) return;
      const old = decodeFields(before.fields);
      const keys = difference(
        uniqueKeysOf(type, old),
        uniqueKeysOf(type, fields),
        (key) => key.key.name,
      );
      for (const bound of keys.gone) removeUniqueKey(type, bound);
      for (const bound of keys.come) addUniqueKey(type, bound, before.id);
      const entries = difference(
        indexEntriesOf(type, old),
        indexEntriesOf(type, fields),
        (entry) => entry.field,
      );
      for (const entry of entries.gone) removeIndexEntry(type, entry, before.id);
      for (const entry of entries.come) addIndexEntry(type, entry, before.id);
      const text = searchText(type, fields);
      if (text === searchText(type, old)) return;
      removeText(before.rid);
      addText(before.rid, text);
    },
    remove(row, type) {
      db.prepare(sql.remove).run(row.rid);
      file.digest.remove(row.hash);
      if (!type) return;
      const fields = decodeFields(row.fields);
      for (const bound of uniqueKeysOf(type, fields)) removeUniqueKey(type, bound);
      for (const entry of indexEntriesOf(type, fields)) removeIndexEntry(type, entry, row.id);
      if (searchText(type, fields) !== '') removeText(row.rid);
    },
    addUniqueKey,
    addIndexEntry,
    setSearchText(rid, text) {
      removeText(rid);
      addText(rid, text);
    },
    clear() {
      for (const table of ['nodes', 'unique_keys', 'field_index'])
        db.prepare(`DELETE FROM ${table}`).run();
      db.prepare(`INSERT INTO nodes_fts (nodes_fts) VALUES ('delete-all')`).run();
    },
  };
}

/** What must leave a derived table, and what must come into it; each slot holds at most one value. */
function difference<T extends { readonly value: Buffer }>(
  before: readonly T[],
  after: readonly T[],
  slotOf: (entry: T) => string | number,
) {
  const lacks = (entries: readonly T[]) => (entry: T) =>
    !entries.some((other) => slotOf(other) === slotOf(entry) && other.value.equals(entry.value));
  return { gone: before.filter(lacks(after)), come: after.filter(lacks(before)) };
}

function disagreement(table: string, key: UniqueKey, nodeId: string): EntError {
  return new EntError(
    'STORE_CORRUPT',
    `${table} says that the node ${JSON.stringify(nodeId)} holds the unique key ${key.name}, which it does not`,
    {
      metadata: { table, key: nodeId },
    },
  );
}
