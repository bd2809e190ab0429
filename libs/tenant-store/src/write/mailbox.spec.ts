import { Kind, OnConflict, val } from '@entdb/contracts';
import { delivery, field, op, schemaOf } from './testing/log.ts';
import { createLiveTenant, type LiveTenant } from './testing/tenant-dir.ts';

let live: LiveTenant;
beforeEach(() => (live = createLiveTenant()));
afterEach(() => {
  live.writer.scrub();
  live.close();
});

const items = () =>
  live.tenant.sql<{ user_id: string; node_id: string; read: number }>(
    'mailbox',
    'SELECT user_id, node_id, read FROM items ORDER BY user_id, node_id',
  );
const found = (word: string) =>
  live.tenant.sql('mailbox', `SELECT rowid FROM items_fts WHERE text MATCH '"${word}"'`).length;

test('one item per user; delivering again refreshes it and makes it unread', () => {
  live.apply({
    operations: [op.create('a', {}, { delivery: delivery(['u', 'v', 'u'], 'hello', 'world') })],
  });
  expect(items()).toEqual([
    { user_id: 'u', node_id: 'a', read: 0 },
    { user_id: 'v', node_id: 'a', read: 0 },
  ]);
  live.apply({ operations: [op.markRead('u')] });
  expect(items()[0]!.read).toBe(1);
  // The fields are the same as before; the delivery is asked for all the same.
  live.apply({ operations: [op.update('a', {}, { delivery: delivery(['u'], 'goodbye') })] });
  expect(items()[0]!.read).toBe(0);
  expect([found('hello'), found('world'), found('goodbye')]).toEqual([1, 1, 1]);
  expect(live.tenant.sql('mailbox', `SELECT delivered_at FROM items ORDER BY user_id`)).toEqual([
    { delivered_at: 1_790_000_002_000_000 },
    { delivered_at: 1_790_000_000_000_000 },
  ]);
});

test('marking takes the named items of one user, or all; and back again', () => {
  live.apply({
    operations: ['a', 'b', 'c'].map((id) => op.create(id, {}, { delivery: delivery(['u', 'v']) })),
  });
  expect(
    live.apply({ operations: [op.markRead('u', { nodeIds: ['a', 'c', 'a', 'none'] })] }).applied!
      .operations,
  ).toEqual([{ changed: true }]);
  expect(items().map((item) => item.read)).toEqual([1, 0, 1, 0, 0, 0]);
  live.apply({
    operations: [op.markRead('u'), op.markRead('u', { nodeIds: ['a'], unread: true })],
  });
  expect(items().map((item) => item.read)).toEqual([0, 1, 1, 0, 0, 0]);
});

test('#34 O12: items go with their node, whichever way it goes', () => {
  live.apply({
    operations: ['a', 'b', 'c'].map((id) =>
      op.create(id, {}, { delivery: delivery(['u'], `text-${id}`) }),
    ),
  });
  live.apply({ operations: [op.remove('a')] });
  expect(found('a')).toBe(0);
  live.apply({ operations: [op.removeWhere(undefined)] });
  expect([items(), found('text')]).toEqual([[], 0]);
});

test('a rejected, repeated or skipped record delivers nothing', () => {
  const schema = schemaOf([field(1, 'name', Kind.STR, { unique: true })]);
  live.apply({ key: 'k', schema, operations: [op.create('a', { 1: val.str('x') })] });
  const second = {
    key: 'k2',
    schema,
    operations: [op.create('b', { 1: val.str('y') }, { delivery: delivery(['u']) })],
  };
  live.apply(second);
  live.apply({ operations: [op.markRead('u')] });
  live.apply(second);
  live.apply({
    schema,
    operations: [op.create('c', { 1: val.str('x') }, { delivery: delivery(['u']) })],
  });
  live.apply({
    schema,
    operations: [
      op.create(
        'c',
        { 1: val.str('x') },
        { onConflict: OnConflict.SKIP, delivery: delivery(['u']) },
      ),
      op.update('c', {}, { delivery: delivery(['v']) }),
    ],
  });
  expect(items()).toEqual([
    { user_id: 'u', node_id: 'b', read: 1 },
    { user_id: 'v', node_id: 'a', read: 0 },
  ]);
  live.apply({
    schema,
    operations: [
      op.create('d', { 1: val.str('x') }, { onConflict: OnConflict.SKIP }),
      op.markRead('v', { nodeIds: ['d'] }),
    ],
  });
  expect(items()[1]!.read).toBe(1);
});
