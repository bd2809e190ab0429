import { toBinary } from '@bufbuild/protobuf';
import {
  ListMailboxRequestSchema,
  SearchMailboxRequestSchema,
  type CountUnreadRequest,
  type CountUnreadResponse,
  type ListMailboxRequest,
  type ListMailboxResponse,
  type MailboxItem,
  type SearchMailboxRequest,
  type SearchMailboxResponse,
} from '@entdb/contracts';
import { mailboxOwner } from '../mailbox-owner.ts';
import { columns, verifyItem, type ItemRow } from '../rows.ts';
import { examinedMax, pageSizeOf } from './limits.ts';
import { matchExpression } from './match-expression.ts';
import { columnsOf, strayIndex, type Indexed } from './node-rows.ts';
import { decodePageToken, encodePageToken, queryHashOf, type KeyPart } from './page-token.ts';
import type { ReadFile } from './read-file.ts';

/** Where an item stands in its user's mailbox, newest first: time of delivery, then the node's id. */
type ItemPlace = readonly [number, string];
const newest: ItemPlace = [2 ** 53, ''];

/** One page of a user's items, newest first. Looks at `examinedMax` items at most: within a thread a page may be short and have a token. */
export function listMailbox(file: ReadFile, request: ListMailboxRequest): ListMailboxResponse {
  return file.readActive(({ position }) => {
    const { scope: _scope, ...query } = request;
    const asked = { ...query, pageSize: 0, pageToken: '' };
    const hash = () =>
      queryHashOf('ListMailbox', file.tenantId, toBinary(ListMailboxRequestSchema, asked));
    const after =
      request.pageToken === '' ? newest : decodePageToken(request.pageToken, hash(), isItemPlace);
    const sql = `SELECT ${columns.item} FROM items
      WHERE user_id = ? AND (delivered_at, node_id) < (?, ?) ${request.unreadOnly ? 'AND read = 0' : ''}
      ORDER BY delivered_at DESC, node_id DESC`;
    const rows = file
      .prepare<[string, ...ItemPlace], ItemRow>(sql)
      .iterate(request.userId, ...after);
    const { items, next } = pageOf(rows, pageSizeOf(request.pageSize), request.threadId);
    const nextPageToken = next ? encodePageToken(hash(), next) : '';
    return {
      $typeName: 'entdb.v1.ListMailboxResponse',
      items: items.map(itemOf),
      nextPageToken,
      position,
    };
  });
}

interface Page {
  readonly items: readonly ItemRow[];
  readonly next: ItemPlace | undefined;
}

function pageOf(rows: Iterable<ItemRow>, pageSize: number, threadId: string): Page {
  const items: ItemRow[] = [];
  let last: ItemRow | undefined;
  let examined = 0;
  for (const row of rows) {
    if (examined++ === examinedMax) return { items, next: placeOf(last) };
    const isWanted = threadId === '' || verifyItem(row).thread_id === threadId;
    if (isWanted && items.length === pageSize) return { items, next: placeOf(items.at(-1)) };
    if (isWanted) items.push(verifyItem(row));
    last = row;
  }
  return { items, next: undefined };
}

/** One page of a user's items that have all words of the text, newest first. */
export function searchMailbox(
  file: ReadFile,
  request: SearchMailboxRequest,
): SearchMailboxResponse {
  const words = matchExpression(request.text);
  return file.readActive(({ position }) => {
    const { scope: _scope, ...query } = request;
    const asked = { ...query, pageSize: 0, pageToken: '' };
    const hash = () =>
      queryHashOf('SearchMailbox', file.tenantId, toBinary(SearchMailboxRequestSchema, asked));
    const after =
      request.pageToken === '' ? newest : decodePageToken(request.pageToken, hash(), isItemPlace);
    // A match without an item comes through, to be noticed.
    const sql = `SELECT f.rowid AS match_rid, ${columnsOf('item', 'i')}
      FROM items_fts f LEFT JOIN items i ON i.rid = f.rowid
      WHERE f.items_fts MATCH ? AND (i.rid IS NULL OR (i.delivered_at, i.node_id) < (?, ?))
      ORDER BY i.delivered_at DESC, i.node_id DESC LIMIT ?`;
    const expression = `{owner} : "${mailboxOwner(request.userId)}" AND {text} : (${words})`;
    const pageSize = pageSizeOf(request.pageSize);
    const rows = file
      .prepare<[string, ...ItemPlace, number], Indexed<ItemRow> & { readonly match_rid: number }>(
        sql,
      )
      .all(expression, ...after, pageSize + 1);
    const items = rows.map((row) => {
      if (row.user_id === request.userId) return verifyItem(row as ItemRow); // null columns fail its checksum
      throw strayIndex('items_fts', String(row.match_rid), 'leads to no item of its user');
    });
    const page = items.slice(0, pageSize);
    const next = items.length > pageSize ? placeOf(page.at(-1)) : undefined;
    const nextPageToken = next ? encodePageToken(hash(), next) : '';
    return {
      $typeName: 'entdb.v1.SearchMailboxResponse',
      items: page.map(itemOf),
      nextPageToken,
      position,
    };
  });
}

/** Counts index entries: no item is read, and so none is verified. */
export function countUnread(file: ReadFile, { userId }: CountUnreadRequest): CountUnreadResponse {
  return file.readActive(({ position }) => {
    const count = (condition: string) => {
      const sql = `SELECT count(*) AS count FROM items WHERE user_id = ? ${condition}`;
      return BigInt(file.prepare<[string], { count: number }>(sql).get(userId)?.count ?? 0);
    };
    return {
      $typeName: 'entdb.v1.CountUnreadResponse',
      unread: count('AND read = 0'),
      total: count(''),
      position,
    };
  });
}

function itemOf(row: ItemRow): MailboxItem {
  return {
    $typeName: 'entdb.v1.MailboxItem',
    userId: row.user_id,
    nodeId: row.node_id,
    typeId: row.type,
    threadId: row.thread_id,
    snippet: row.snippet,
    read: row.read === 1,
    deliveredAtUs: BigInt(row.delivered_at),
  };
}

function placeOf(row: ItemRow | undefined): ItemPlace | undefined {
  return row && [row.delivered_at, row.node_id];
}

function isItemPlace(key: readonly KeyPart[]): key is ItemPlace {
  const [deliveredAt, nodeId, ...more] = key;
  return Number.isSafeInteger(deliveredAt) && typeof nodeId === 'string' && more.length === 0;
}
