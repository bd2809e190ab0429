import { OnConflict, type Operation } from '@entdb/contracts';
import { field } from '../schema/field.ts';
import { nodeType } from '../schema/types.ts';
import { caught } from '../testing/caught.ts';
import { Follows, Post, Rates, schema, User } from '../testing/model.ts';
import { buildPlan, type Planner } from './plan.ts';

type TestPlanner<R> = Planner<typeof User | typeof Post, typeof Follows | typeof Rates, R>;
const build = <R>(planner: TestPlanner<R>) => buildPlan(schema, planner);
const opsOf = (planner: TestPlanner<unknown>): readonly Operation['op'][] =>
  build(planner).operations.map(({ op }) => op);
const fault = (planner: TestPlanner<unknown>) => {
  const { code, facts } = caught(() => build(planner));
  return { code, field: facts.field };
};

describe('a plan', () => {
  it('names what it creates by aliases, wherever a node can stand', () => {
    const ops = opsOf((plan) => {
      plan.delete(User, 'gone');
      const alice = plan.create(User, { email: 'a' });
      const bob = plan.create(User, { email: 'b', manager: alice, friends: [alice, 'carol'] });
      plan.link(Follows, alice, bob, { since: 1n }, { key: 'k' });
      plan.unlink(Follows, bob, alice);
      plan.update(User, alice, { manager: bob, bio: null });
      plan.markRead('eve', [alice, 'n']);
    });
    const ref = (value: string) => ({ kind: { case: 'ref', value } });
    expect(ops).toMatchObject([
      { case: 'deleteNode', value: { typeId: 1, id: 'gone' } },
      { case: 'createNode', value: { alias: '$1', typeId: 1, id: '' } },
      {
        case: 'createNode',
        value: {
          alias: '$2',
          fields: {
            5: ref('$1'),
            14: { kind: { case: 'list', value: { values: [ref('$1'), ref('carol')] } } },
          },
        },
      },
      {
        case: 'createEdge',
        value: { typeId: 1, fromId: '$1', toId: '$2', key: 'k', fields: { 1: {} } },
      },
      { case: 'deleteEdge', value: { typeId: 1, fromId: '$2', toId: '$1', key: '' } },
      { case: 'updateNode', value: { id: '$1', set: { 5: ref('$2') }, clear: [6] } },
      { case: 'markRead', value: { userId: 'eve', nodeIds: ['$1', 'n'], unread: false } },
    ]);
  });

  it('carries options of inserts, deletions and deliveries', () => {
    const ops = opsOf((plan) => {
      plan.create(
        User,
        { email: 'a' },
        {
          id: 'mine',
          ifAbsent: true,
          deliver: { to: ['eve'], thread: 't', snippet: 's', text: 'x' },
        },
      );
      plan.link(Rates, 'a', 'p', { stars: 5 }, { ifAbsent: true });
      plan.deleteWhere(User, (user) => user.age.lt(18), { maxMatches: 10 });
      plan.deleteWhere(Post, 'all');
      plan.markUnread('eve');
    });
    expect(ops).toMatchObject([
      {
        value: {
          id: 'mine',
          onConflict: OnConflict.SKIP,
          delivery: { userIds: ['eve'], threadId: 't', snippet: 's', text: 'x' },
        },
      },
      { value: { onConflict: OnConflict.SKIP, fields: { 1: {} } } },
      { value: { typeId: 1, maxMatches: 10, filter: { expression: { case: 'compare' } } } },
      { value: { typeId: 2, maxMatches: 0 } },
      { value: { userId: 'eve', nodeIds: [], unread: true } },
    ]);
    expect(ops[3]?.value).not.toHaveProperty('filter');
  });

  it('keeps preconditions apart from operations', () => {
    const { preconditions, operations } = build((plan) => {
      plan.expect(User, 'a', { age: 41, bio: null }, { version: 3n });
      plan.expect(User, 'b');
      plan.expectAbsent(User, 'c');
      plan.update(User, 'a', { age: 42 });
    });
    expect(operations).toHaveLength(1);
    expect(preconditions).toMatchObject([
      { typeId: 1, nodeId: 'a', version: 3n, equals: { 2: { kind: { value: 41n } } }, absent: [6] },
      { nodeId: 'b', equals: {}, absent: [] },
      { nodeId: 'c', exists: false },
    ]);
    expect(preconditions[1]).not.toHaveProperty('exists', expect.anything());
  });

  it('refuses the handle of another plan', () => {
    const other = build((plan) => plan.create(User, { email: 'a' })).returned;
    expect(fault((plan) => plan.delete(User, other))).toEqual({
      code: 'UNKNOWN_ALIAS',
      field: 'operations[0].delete_node.id',
    });
  });

  it.each<[string, TestPlanner<unknown>, { code: string; field: string }]>([
    ['no operation', () => {}, { code: 'EMPTY_TRANSACTION', field: 'operations' }],
    [
      'preconditions alone',
      (plan) => plan.expect(User, 'a'),
      { code: 'EMPTY_TRANSACTION', field: 'operations' },
    ],
    [
      'an unsafe integer in the second operation',
      (plan) => {
        plan.delete(User, 'a');
        plan.update(User, 'a', { age: 2 ** 60 });
      },
      { code: 'INVALID_VALUE', field: 'operations[1].update_node.set[2]' },
    ],
    [
      'a type of another schema',
      (plan) => plan.delete(nodeType('User', 1, { email: field.str(1) }) as never, 'a'),
      { code: 'UNKNOWN_TYPE', field: 'operations[0].delete_node.type_id' },
    ],
  ])('refuses %s', (_what, planner, expected) => {
    expect(fault(planner)).toEqual(expected);
  });
});
