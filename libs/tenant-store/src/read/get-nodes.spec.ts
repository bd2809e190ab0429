import { val } from '@entdb/contracts';
import * as people from './testing/people.ts';
import { codeOf, refusal } from './testing/refusal.ts';
import { ask } from './testing/requests.ts';
import { createNode, openTestTenant, updateNode, type TestTenant } from './testing/tenant.ts';

const { person, project, name, email, age, country, passport } = people;

describe('nodes by id and by key', () => {
  let tenant: TestTenant;
  beforeEach(() => {
    tenant = openTestTenant(people.people);
    tenant.write(
      createNode(person, 'ann', {
        [name]: val.str('Ann'),
        [email]: val.str('ann@x'),
        [country]: val.str('a'),
        [passport]: val.int(2n ** 53n + 1n),
      }),
      createNode(person, 'bob', { [email]: val.str(''), [age]: val.int(0) }),
      createNode(project, 'moon', { [name]: val.str('') }),
    );
  });
  afterEach(() => tenant.close());

  it('gives a node with its fields, version, times, and the position of the state that was read', () => {
    tenant.setTime(1_800_000_000_123);
    tenant.write(updateNode(person, 'bob', { [name]: val.str('Bob') }));
    expect(tenant.reader.getNode(ask.node({ id: 'bob' }))).toEqual({
      $typeName: 'entdb.v1.GetNodeResponse',
      node: {
        $typeName: 'entdb.v1.Node',
        id: 'bob',
        typeId: person,
        fields: { [name]: val.str('Bob'), [email]: val.str(''), [age]: val.int(0) },
        version: 2n,
        createdAtUs: 1_700_000_000_000_000n,
        updatedAtUs: 1_800_000_000_123_000n,
      },
      position: {
        $typeName: 'entdb.v1.Position',
        topic: 'entdb-wal',
        partition: 3,
        offset: 2n,
        epoch: 1n,
      },
    });
  });

  it('gives nothing for an id that is not there, or that is of another type than asked for', () => {
    expect(tenant.reader.getNode(ask.node({ id: 'eve' }))).not.toHaveProperty('node');
    expect(tenant.reader.getNode(ask.node({ id: 'ann', typeId: project }))).not.toHaveProperty(
      'node',
    );
    expect(tenant.reader.getNode(ask.node({ id: 'ann', typeId: person }))).toHaveProperty(
      'node.id',
      'ann',
    );
  });

  it('sees each commit at once, with its position', () => {
    for (let i = 0; i < 20; i++) {
      tenant.write(updateNode(person, 'ann', { [age]: val.int(i) }));
      const { node, position } = tenant.reader.getNode(ask.node({ id: 'ann' }));
      expect(node?.fields[age]).toEqual(val.int(i));
      expect(position?.offset).toBe(BigInt(tenant.writer.position.offset));
    }
  });

  it('gives nodes in the order of the ids, and says which are missing', () => {
    const { nodes, missingIds } = tenant.reader.getNodes(
      ask.nodes({ ids: ['moon', 'eve', 'ann', 'moon'] }),
    );
    expect(nodes.map(({ id }) => id)).toEqual(['moon', 'ann', 'moon']);
    expect(missingIds).toEqual(['eve']);
    expect(
      tenant.reader.getNodes(ask.nodes({ ids: ['moon', 'ann'], typeId: person })).missingIds,
    ).toEqual(['moon']);
  });

  it('gives no more than 1000 nodes at once', () => {
    const ids = Array.from({ length: 1001 }, (_, i) => `n${i}`);
    expect(codeOf(() => tenant.reader.getNodes(ask.nodes({ ids })))).toBe('INVALID_ARGUMENT');
    expect(tenant.reader.getNodes(ask.nodes({ ids: ids.slice(1) })).missingIds).toHaveLength(1000);
  });

  it('finds a node by a unique field, also by the empty string', () => {
    const byEmail = (text: string) =>
      tenant.reader.getNodeByKey(ask.byKey({ typeId: person, key: { [email]: val.str(text) } }))
        .node?.id;
    expect(byEmail('ann@x')).toBe('ann');
    expect(byEmail('')).toBe('bob');
    expect(byEmail('eve@x')).toBeUndefined();
    tenant.write(updateNode(person, 'ann', { [email]: val.str('new@x') }));
    expect([byEmail('ann@x'), byEmail('new@x')]).toEqual([undefined, 'ann']);
  });

  it('finds a node by a unique combination of fields, exact beyond 2^53 (faults 7 #41)', () => {
    const byPassport = (number: bigint) =>
      tenant.reader.getNodeByKey(
        ask.byKey({
          typeId: person,
          key: { [passport]: val.int(number), [country]: val.str('a') },
        }),
      ).node?.id;
    expect(byPassport(2n ** 53n + 1n)).toBe('ann');
    expect(byPassport(2n ** 53n)).toBeUndefined();
  });

  it('refuses a key that is none, and says which there are', () => {
    const byName = refusal(() =>
      tenant.reader.getNodeByKey(ask.byKey({ typeId: person, key: { [name]: val.str('Ann') } })),
    );
    expect(byName.code).toBe('INVALID_ARGUMENT');
    expect(byName.facts.hint).toContain('2 or 5,6');
    const part = ask.byKey({ typeId: person, key: { [country]: val.str('a') } });
    expect(codeOf(() => tenant.reader.getNodeByKey(part))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => tenant.reader.getNodeByKey(ask.byKey({ typeId: person })))).toBe(
      'INVALID_ARGUMENT',
    );
    expect(
      codeOf(() => tenant.reader.getNodeByKey(ask.byKey({ typeId: 99, key: { 1: val.str('') } }))),
    ).toBe('INVALID_ARGUMENT');
    const wrongKind = ask.byKey({ typeId: person, key: { [email]: val.int(1) } });
    expect(codeOf(() => tenant.reader.getNodeByKey(wrongKind))).toBe('WRONG_KIND');
  });
});
