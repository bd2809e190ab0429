import type { MailboxItem as WireItem, Position } from '@entdb/contracts';
import type { NodeId } from '../values/flavor.ts';
import type { Timestamp } from '../values/timestamp.ts';
import { createPages, nextOf, type Pages } from './pages.ts';
import { read, type Ask, type ReadContext, type ReadOptions } from './scope.ts';

/** A node that was delivered to a user. Marking as read is a write: `plan.markRead`. */
export interface MailboxItem {
  readonly user: string;
  readonly node: NodeId;
  readonly typeId: number;
  readonly thread: string;
  readonly snippet: string;
  readonly read: boolean;
  readonly deliveredAt: Timestamp;
}

export interface MailboxListOptions {
  readonly unreadOnly?: boolean;
  readonly thread?: string;
  readonly pageSize?: number;
}

export interface Mailbox {
  /** Newest first. */
  list(options?: MailboxListOptions): Pages<MailboxItem>;
  /** All words must occur; the last may be a prefix if it ends in "*". */
  search(text: string, options?: Pick<MailboxListOptions, 'pageSize'>): Pages<MailboxItem>;
  count(): Promise<{ readonly unread: number; readonly total: number }>;
}

interface ItemsAnswer {
  readonly items: readonly WireItem[];
  readonly nextPageToken: string;
  readonly position?: Position | undefined;
}

export function createMailbox(context: ReadContext, userId: string, options: ReadOptions): Mailbox {
  const pages = (askWith: (pageToken: string) => Ask<ItemsAnswer>): Pages<MailboxItem> =>
    createPages(async (token) => {
      const answer = await read(context, options, askWith(token));
      return { items: answer.items.map(itemOf), next: nextOf(answer) };
    });
  return {
    list: ({ unreadOnly = false, thread = '', pageSize = 0 } = {}) =>
      pages(
        (pageToken) => (query, scope, attempt) =>
          query.listMailbox(
            { scope, userId, unreadOnly, threadId: thread, pageSize, pageToken },
            attempt,
          ),
      ),
    search: (text, { pageSize = 0 } = {}) =>
      pages(
        (pageToken) => (query, scope, attempt) =>
          query.searchMailbox({ scope, userId, text, pageSize, pageToken }, attempt),
      ),
    count: async () => {
      const { unread, total } = await read(context, options, (query, scope, attempt) =>
        query.countUnread({ scope, userId }, attempt),
      );
      return { unread: Number(unread), total: Number(total) };
    },
  };
}

function itemOf(item: WireItem): MailboxItem {
  const { userId: user, nodeId: node, typeId, threadId: thread, snippet, read: seen } = item;
  return { user, node, typeId, thread, snippet, read: seen, deliveredAt: item.deliveredAtUs };
}
