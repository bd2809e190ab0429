import { EntError, invariant } from '@entdb/base';
import type { Delivery, MarkRead, Operation, OperationVerdict, WalRecord } from '@entdb/contracts';
import { mailboxOwner } from '../mailbox-owner.ts';
import { columns, itemHash, verifyItem, type ItemRow, type Unhashed } from '../rows.ts';
import type { TenantFile } from '../sqlite/tenant-file.ts';

const sql = {
  find: `SELECT ${columns.item} FROM items WHERE user_id = ? AND node_id = ?`,
  ofNode: `SELECT ${columns.item} FROM items WHERE node_id = ?`,
  ofUser: `SELECT ${columns.item} FROM items WHERE user_id = ? AND read <> ?`,
  insert:
    'INSERT INTO items (user_id, node_id, type, thread_id, snippet, text, read, delivered_at, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  update:
    'UPDATE items SET type = ?, thread_id = ?, snippet = ?, text = ?, read = ?, delivered_at = ?, hash = ? WHERE rid = ?',
  remove: 'DELETE FROM items WHERE rid = ?',
  addText: 'INSERT INTO items_fts (rowid, owner, text) VALUES (?, ?, ?)',
  removeText: 'DELETE FROM items_fts WHERE rowid = ?',
} as const;

/** The file of mailbox items. It judges nothing: what it does is a function of the record and of the verdict that stands in the canonical file. */
export interface Mailbox {
  /** Applies what a record that was applied did; `effects` are those of its operations. */
  apply(record: WalRecord, effects: readonly OperationVerdict[], timeUs: number): void;
}

/** Full-text search sees the snippet and the text beside it. */
export function itemText({ snippet, text }: Pick<ItemRow, 'snippet' | 'text'>): string {
  return `${snippet}\n${text}`;
}

/** Whether a record can change a mailbox at all. */
export function concernsMailbox({ body }: WalRecord): boolean {
  return (
    body.case === 'tenantDeleted' ||
    body.case === 'tenantRestored' ||
    (body.case === 'transaction' && body.value.operations.some(concernsItems))
  );
}

function concernsItems({ op }: Operation): boolean {
  switch (op.case) {
    case 'createNode':
    case 'updateNode':
      return op.value.delivery !== undefined;
    case 'deleteNode':
    case 'deleteWhere':
    case 'markRead':
      return true;
    default:
      return false;
  }
}

export function createMailbox(file: TenantFile): Mailbox {
  const { db } = file;

  const remove = (row: ItemRow) => {
    db.prepare(sql.remove).run(row.rid);
    db.prepare(sql.removeText).run(row.rid);
    file.digest.remove(row.hash);
  };

  const removeOfNode = (nodeId: string) => {
    for (const row of db.prepare<[string], ItemRow>(sql.ofNode).all(nodeId))
      remove(verifyItem(row));
  };

  const replace = (before: ItemRow, after: Unhashed<ItemRow>) => {
    const hash = itemHash(after);
    db.prepare(sql.update).run(
      after.type,
      after.thread_id,
      after.snippet,
      after.text,
      after.read,
      after.delivered_at,
      hash,
      before.rid,
    );
    file.digest.remove(before.hash);
    file.digest.add(hash);
  };

  const deliver = (item: Unhashed<ItemRow>) => {
    const before = db.prepare<[string, string], ItemRow>(sql.find).get(item.user_id, item.node_id);
    if (before) {
      replace(verifyItem(before), item);
      if (itemText(before) === itemText(item)) return;
      db.prepare(sql.removeText).run(before.rid);
      db.prepare(sql.addText).run(before.rid, mailboxOwner(item.user_id), itemText(item));
      return;
    }
    const hash = itemHash(item);
    const { lastInsertRowid } = db
      .prepare(sql.insert)
      .run(
        item.user_id,
        item.node_id,
        item.type,
        item.thread_id,
        item.snippet,
        item.text,
        item.read,
        item.delivered_at,
        hash,
      );
    file.digest.add(hash);
    db.prepare(sql.addText).run(
      Number(lastInsertRowid),
      mailboxOwner(item.user_id),
      itemText(item),
    );
  };

  const deliverTo = (delivery: Delivery, nodeId: string, type: number, timeUs: number) => {
    const { threadId, snippet, text } = delivery;
    for (const userId of new Set(delivery.userIds)) {
      deliver({
        user_id: userId,
        node_id: nodeId,
        type,
        thread_id: threadId,
        snippet,
        text,
        read: 0,
        delivered_at: timeUs,
      });
    }
  };

  const markRead = ({ userId, nodeIds, unread }: MarkRead, meant: (id: string) => string) => {
    const read = unread ? 0 : 1;
    const rows =
      nodeIds.length === 0
        ? db.prepare<[string, number], ItemRow>(sql.ofUser).all(userId, read)
        : [...new Set(nodeIds.map(meant))].flatMap((id) =>
            db.prepare<[string, string], ItemRow>(sql.find).all(userId, id),
          );
    for (const row of rows) if (verifyItem(row).read !== read) replace(row, { ...row, read });
  };

  const clear = () => {
    db.prepare('DELETE FROM items').run();
    db.prepare(`INSERT INTO items_fts (items_fts) VALUES ('delete-all')`).run();
    file.clearDigest();
  };

  return {
    apply({ body }, effects, timeUs) {
      if (body.case === 'tenantDeleted') return clear();
      if (body.case === 'tenantRestored')
        // Both files come out of one adoption, so this one is from before it.
        throw new EntError(
          'STORE_CORRUPT',
          'mailbox.db is from before a restore that canonical.db has',
          { tenantId: file.tenantId, hint: 'the tenant is rebuilt' },
        );
      if (body.case !== 'transaction') return;
      const existing = new Map<string, string>();
      body.value.operations.forEach(({ op }, i) => {
        const effect = effects[i];
        invariant(effect, 'a verdict has one result per operation');
        switch (op.case) {
          case 'createNode':
            if (effect.changed && op.value.delivery)
              deliverTo(op.value.delivery, op.value.id, op.value.typeId, timeUs);
            // A skipped insert: its id means the existing node from here on.
            else if (!effect.changed && effect.id !== undefined)
              existing.set(op.value.id, effect.id);
            return;
          case 'updateNode':
            // Also where the fields were the same already: the delivery was asked for.
            if (op.value.delivery && effect.id !== undefined)
              deliverTo(op.value.delivery, effect.id, op.value.typeId, timeUs);
            return;
          case 'deleteNode':
            if (effect.changed && effect.id !== undefined) removeOfNode(effect.id);
            return;
          case 'deleteWhere':
            effect.deletedIds?.forEach(removeOfNode);
            return;
          case 'markRead':
            return markRead(op.value, (id) => existing.get(id) ?? id);
          default:
            return; // edges are in no mailbox
        }
      });
    },
  };
}
