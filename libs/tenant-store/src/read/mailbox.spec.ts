import { codeOf } from './testing/refusal.ts';
import { ask } from './testing/requests.ts';
import {
  createNode,
  deleteNode,
  openTestTenant,
  type Operation,
  type TestTenant,
} from './testing/tenant.ts';

describe('mailbox', () => {
  let tenant: TestTenant;
  let timeMs = 1_700_000_000_000;
  beforeEach(() => {
    tenant = openTestTenant();
  });
  afterEach(() => tenant.close());

  const deliver = (
    id: string,
    userIds: string[],
    more: { threadId?: string; snippet?: string; text?: string } = {},
  ) => {
    tenant.setTime((timeMs += 1));
    tenant.write(createNode(1, id, {}, { userIds, ...more }));
  };
  const markRead = (userId: string, nodeIds: string[]): Operation => ({
    op: { case: 'markRead', value: { userId, nodeIds } },
  });
  const listed = (request: Parameters<typeof ask.mailbox>[0]) =>
    tenant.reader.listMailbox(ask.mailbox(request)).items.map(({ nodeId }) => nodeId);

  it('lists the items of one user, newest first, whole', () => {
    deliver('m1', ['ann', 'bob'], { threadId: 't', snippet: 'hello', text: 'all of it' });
    deliver('m2', ['ann']);
    const { items, position } = tenant.reader.listMailbox(ask.mailbox({ userId: 'ann' }));
    expect(items.map(({ nodeId }) => nodeId)).toEqual(['m2', 'm1']);
    expect(items[1]).toEqual({
      $typeName: 'entdb.v1.MailboxItem',
      userId: 'ann',
      nodeId: 'm1',
      typeId: 1,
      threadId: 't',
      snippet: 'hello',
      read: false,
      deliveredAtUs: BigInt(timeMs - 1) * 1000n,
    });
    expect(position).toMatchObject({ topic: 'entdb-wal', partition: 3, offset: 2n, epoch: 1n });
    expect(listed({ userId: 'eve' })).toEqual([]);
  });

  it('lists and counts what is unread, and lists one thread', () => {
    deliver('m1', ['ann'], { threadId: 'x' });
    deliver('m2', ['ann'], { threadId: 'y' });
    deliver('m3', ['ann', 'bob'], { threadId: 'x' });
    tenant.write(markRead('ann', ['m3']));
    expect(listed({ userId: 'ann', unreadOnly: true })).toEqual(['m2', 'm1']);
    expect(listed({ userId: 'ann', threadId: 'x' })).toEqual(['m3', 'm1']);
    expect(listed({ userId: 'ann', threadId: 'x', unreadOnly: true })).toEqual(['m1']);
    const count = (userId: string) => tenant.reader.countUnread(ask.unread({ userId }));
    expect(count('ann')).toMatchObject({ unread: 2n, total: 3n });
    expect(count('bob')).toMatchObject({ unread: 1n, total: 1n });
    expect(count('eve')).toMatchObject({ unread: 0n, total: 0n });
    tenant.write(deleteNode(1, 'm1'));
    expect(count('ann')).toMatchObject({ unread: 1n, total: 2n });
  });

  it('gives each item on one page, also where many came at one time', () => {
    const ids = Array.from({ length: 50 }, (_, i) => `m${String(i).padStart(2, '0')}`);
    tenant.write(
      ...ids.map((id) =>
        createNode(1, id, {}, { userIds: ['ann'], threadId: `t${Number(id.slice(1)) % 2}` }),
      ),
    );
    const pages = (request: { threadId?: string }) => {
      const seen: string[] = [];
      let pageToken = '';
      do {
        const page = tenant.reader.listMailbox(
          ask.mailbox({ userId: 'ann', pageSize: 7, pageToken, ...request }),
        );
        seen.push(...page.items.map(({ nodeId }) => nodeId));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      return seen;
    };
    expect(pages({})).toEqual(ids.toReversed());
    expect(pages({ threadId: 't1' })).toEqual(ids.filter((_, i) => i % 2 === 1).toReversed());
    const { nextPageToken } = tenant.reader.listMailbox(
      ask.mailbox({ userId: 'ann', pageSize: 7 }),
    );
    expect(codeOf(() => listed({ userId: 'bob', pageToken: nextPageToken }))).toBe(
      'INVALID_PAGE_TOKEN',
    );
  });

  it("searches snippets and texts of one user's items, newest first, in pages", () => {
    // Users whose ids a tokenizer would split, fold or take for one another.
    const users = ['ann', 'Ann', 'änn', 'ann b', 'b', '" OR "', 'uann'];
    users.forEach((user, i) =>
      deliver(`m${i}`, [user], { snippet: 'about boats', text: 'and trains' }),
    );
    deliver('last', ['ann'], { snippet: 'boats again' });
    const found = (userId: string, text: string, pageToken = '') =>
      tenant.reader.searchMailbox(ask.searchMailbox({ userId, text, pageSize: 1, pageToken }));
    users.slice(1).forEach((user, i) => {
      expect(found(user, 'boats trains').items.map(({ nodeId }) => nodeId)).toEqual([`m${i + 1}`]);
      expect(found(user, 'boats trains').nextPageToken).toBe('');
    });
    const first = found('ann', 'boat*');
    expect(first.items.map(({ nodeId }) => nodeId)).toEqual(['last']);
    const second = found('ann', 'boat*', first.nextPageToken);
    expect([second.items.map(({ nodeId }) => nodeId), second.nextPageToken]).toEqual([['m0'], '']);
    expect(codeOf(() => found('Ann', 'boat*', first.nextPageToken))).toBe('INVALID_PAGE_TOKEN');
    expect(found('ann', 'owner').items).toEqual([]);
    expect(found('ann', 'boats" OR owner : "u').items).toEqual([]);
    expect(codeOf(() => found('ann', '***'))).toBe('INVALID_SEARCH');
  });
});
