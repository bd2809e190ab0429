import { columns, edgeHash, verifyEdge, type EdgeRow, type Unhashed } from '../rows.ts';
import type { TenantFile } from '../sqlite/tenant-file.ts';

const sql = {
  find: `SELECT ${columns.edge} FROM edges WHERE from_id = ? AND type = ? AND to_id = ? AND key = ?`,
  from: `SELECT ${columns.edge} FROM edges WHERE from_id = ?`,
  to: `SELECT ${columns.edge} FROM edges WHERE to_id = ?`,
  insert:
    'INSERT INTO edges (from_id, type, to_id, key, created_at, fields, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
  remove: 'DELETE FROM edges WHERE from_id = ? AND type = ? AND to_id = ? AND key = ?',
} as const;

export interface EdgeName {
  readonly typeId: number;
  readonly fromId: string;
  readonly toId: string;
  readonly key: string;
}

/** The edges. Each change keeps the digest; each row that is read is verified. */
export interface EdgeTable {
  find(name: EdgeName): EdgeRow | undefined;
  insert(edge: Unhashed<EdgeRow>): void;
  remove(row: EdgeRow): void;
  /** All edges from and to a node. */
  removeOf(nodeId: string): void;
  clear(): void;
}

export function createEdgeTable(file: TenantFile): EdgeTable {
  const { db } = file;

  return {
    find({ fromId, typeId, toId, key }) {
      const row = db
        .prepare<[string, number, string, string], EdgeRow>(sql.find)
        .get(fromId, typeId, toId, key);
      return row && verifyEdge(row);
    },
    insert(edge) {
      const hash = edgeHash(edge);
      db.prepare(sql.insert).run(
        edge.from_id,
        edge.type,
        edge.to_id,
        edge.key,
        edge.created_at,
        edge.fields,
        hash,
      );
      file.digest.add(hash);
    },
    remove(row) {
      db.prepare(sql.remove).run(row.from_id, row.type, row.to_id, row.key);
      file.digest.remove(row.hash);
    },
    removeOf(nodeId) {
      // An edge from the node to itself is met by the first statement only: it is gone when the second runs.
      for (const end of [sql.from, sql.to]) {
        for (const row of db.prepare<[string], EdgeRow>(end).all(nodeId))
          this.remove(verifyEdge(row));
      }
    },
    clear() {
      db.prepare('DELETE FROM edges').run();
    },
  };
}
