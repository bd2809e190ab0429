/**
 * What the compiler knows. The assertions are made by `tsc -b`: a line under `@ts-expect-error` that compiles is a fault there.
 * At run time the functions below are only shown to exist.
 */
/* oxlint-disable typescript/no-unsafe-call, typescript/no-unsafe-return -- what must not compile has no type */
import type { Tenant } from './tenant.ts';
import { Follows, Post, Rates, User } from './testing/model.ts';
import type { Node } from './values/decode.ts';
import type { NodeId } from './values/flavor.ts';
import type { Json } from './values/json.ts';
import { field } from './schema/field.ts';
import { nodeType, edgeType } from './schema/types.ts';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_equal: Equal<A, B>): void => {};

type Acme = Tenant<typeof User | typeof Post, typeof Follows | typeof Rates>;

function results(user: Node<typeof User>): void {
  same<typeof user.type, 'User'>(true);
  same<typeof user.id, NodeId<'User'>>(true);
  same<typeof user.fields.email, string>(true);
  same<typeof user.fields.age, bigint | undefined>(true);
  same<typeof user.fields.tags, readonly string[] | undefined>(true);
  same<typeof user.fields.role, 'admin' | 'member' | undefined>(true);
  same<typeof user.fields.manager, NodeId<'User'> | undefined>(true);
  same<typeof user.fields.settings, Json | undefined>(true);
  same<typeof user.fields.avatar, Uint8Array | undefined>(true);
  same<typeof user.fields.score, number | undefined>(true);
  // @ts-expect-error there is no such field
  void user.fields.emial;
}

async function writes(acme: Acme, id: NodeId<'User'>, post: NodeId<'Post'>): Promise<void> {
  const result = await acme.atomic((plan) => {
    const alice = plan.create(User, {
      email: 'a',
      age: 1,
      tags: ['x'],
      joined: new Date(0),
      settings: { a: 1n },
    });
    const bob = plan.create(User, { email: 'b', age: 2n, manager: alice, friends: [alice, id] });
    const text = plan.create(Post, { title: 't', author: alice });
    plan.update(User, bob, { bio: null, age: 0, active: false });
    plan.link(Follows, alice, bob);
    plan.link(Follows, alice, id, { since: 1n });
    plan.link(Rates, alice, text, { stars: 5 });
    plan.link(Follows, 'a plain text', bob);
    plan.expect(User, id, { age: 3, bio: null }, { version: 2n });

    // @ts-expect-error a required field is missing
    plan.create(User, { age: 1 });
    // @ts-expect-error a value of another kind
    plan.create(User, { email: 'c', age: '1' });
    // @ts-expect-error not one of the enum's names
    plan.create(User, { email: 'c', role: 'owner' });
    // @ts-expect-error an unknown field
    plan.create(User, { email: 'c', nickname: 'x' });
    // @ts-expect-error a required field cannot be made absent
    plan.update(User, bob, { email: null });
    // @ts-expect-error the handle of a Post where a User is meant
    plan.update(User, text, { age: 1 });
    // @ts-expect-error the id of a Post where a User is meant
    plan.create(User, { email: 'c', manager: post });
    // @ts-expect-error an edge that goes to users
    plan.link(Follows, alice, text);
    // @ts-expect-error its fields are required
    plan.link(Rates, alice, text);
    // @ts-expect-error preconditions are judged before any operation: a handle has no meaning there
    plan.expect(User, alice, { age: 1 });
    return { alice, posts: [text] as const, note: 'as it is' };
  });
  same<typeof result.returned.alice, NodeId<'User'>>(true);
  same<(typeof result.returned.posts)[0], NodeId<'Post'>>(true);
  same<typeof result.returned.note, string>(true);
  same<typeof result.appliedAt extends bigint | object ? true : false, true>(true);

  const receipt = await acme.atomic((plan) => plan.create(User, { email: 'd' }), {
    wait: 'durable',
  });
  same<typeof receipt.returned, NodeId<'User'>>(true);
  // @ts-expect-error nothing has been applied yet
  void receipt.operations;
}

async function reads(acme: Acme, post: NodeId<'Post'>): Promise<void> {
  await acme.get(User, 'a text from a URL');
  await acme.getByKey(User, { email: 'a' });
  await acme.getByKey(User, { country: 'ch', number: 1 });
  // @ts-expect-error the id of a Post where a User is meant
  await acme.get(User, post);
  // @ts-expect-error not a unique field
  await acme.getByKey(User, { age: 1 });
  // @ts-expect-error half of a unique combination
  await acme.getByKey(User, { country: 'ch' });
  // @ts-expect-error a type that the schema does not have
  await acme.get(nodeType('Other', 9, { a: field.str(1) }), 'x');

  acme
    .query(User)
    .where((user) => user.age.gte(18).and(user.role.in(['admin']), user.bio.prefix('x').not()))
    .where((user) =>
      user.tags
        .contains('x')
        .or(user.email.eq('a'), user.joined.lt(new Date(0)), user.settings.exists()),
    )
    .orderBy('age', 'desc');
  // @ts-expect-error a value of another kind
  acme.query(User).where((user) => user.age.gte('18'));
  // @ts-expect-error JSON has no order
  acme.query(User).where((user) => user.settings.lt({}));
  // @ts-expect-error only text has prefixes
  acme.query(User).where((user) => user.age.prefix('1'));
  // @ts-expect-error lists have no order
  acme.query(User).where((user) => user.tags.gt(['x']));
  // @ts-expect-error an unknown field
  acme.query(User).where((user) => user.nickname.exists());
  // @ts-expect-error not indexed
  acme.query(User).orderBy('email');

  for await (const edge of acme.edges('id')) {
    if (edge.type === 'Rates') same<typeof edge.fields.stars, bigint>(true);
    if (edge.type === 'Follows') same<typeof edge.to, NodeId<'User'>>(true);
  }
  for (const { node } of (await acme.neighbors('id')).neighbors) {
    if (node.type === 'Post') same<typeof node.fields.title, string>(true);
    if (node.type === undefined) same<typeof node.typeId, number>(true);
  }
}

function definitions(): void {
  // @ts-expect-error only text can be searchable
  field.int(1, { searchable: true });
  // @ts-expect-error only text can be searchable, whatever else is right
  field.int(1, { required: true, searchable: true });
  // @ts-expect-error JSON cannot be indexed
  field.json(1, { indexed: true });
  // @ts-expect-error lists cannot be unique
  field.list(field.str(1, { unique: true }));
  // @ts-expect-error lists do not nest
  field.list(field.list(field.str(1)));
  // @ts-expect-error a unique combination of fields that are not there
  nodeType('X', 1, { a: field.str(1) }, { unique: [['a', 'b']] });
  // @ts-expect-error edges go between types of nodes
  edgeType('X', 1, { from: ['User'] });
}

describe('types', () => {
  it('are judged by the compiler', () => {
    expect([results, writes, reads, definitions]).toHaveLength(4);
  });
});
