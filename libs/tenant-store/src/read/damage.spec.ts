import { Operator, val } from '@entdb/contracts';
import { openTenantReader } from './reader.ts';
import * as people from './testing/people.ts';
import { compare } from './testing/queries.ts';
import { refusal } from './testing/refusal.ts';
import { ask } from './testing/requests.ts';
import {
  createEdge,
  createNode,
  openTestTenant,
  testTenantId,
  type TestTenant,
} from './testing/tenant.ts';
import type { TenantReader } from '../store.ts';

/** Bytes change under the store, as a failing disk would change them: each read that uses them refuses, naming table and key (faults 7 #50). */

const { person, name, email, age, knows, since } = people;
const flip = (column: string) =>
  `${column} = CAST(zeroblob(0) || substr(${column}, 1, length(${column}) - 1) || x'7e' AS BLOB)`;
const longer = (column: string) => `${column} = ${column} || 'x'`;
const later = (column: string) => `${column} = ${column} + 1`;

type Read = (reader: TenantReader) => unknown;
const reads = {
  getNode: (reader) => reader.getNode(ask.node({ id: 'a' })),
  getNodes: (reader) => reader.getNodes(ask.nodes({ ids: ['b', 'a'] })),
  getNodeByKey: (reader) =>
    reader.getNodeByKey(ask.byKey({ typeId: person, key: { [email]: val.str('a@x') } })),
  byId: (reader) => reader.queryNodes(ask.query({ typeId: person })),
  byTime: (reader) =>
    reader.queryNodes(
      ask.query({ typeId: person, orderBy: { by: { case: 'updatedAt', value: true } } }),
    ),
  byField: (reader) =>
    reader.queryNodes(
      ask.query({ typeId: person, orderBy: { by: { case: 'fieldId', value: age } } }),
    ),
  byValue: (reader) =>
    reader.queryNodes(ask.query({ typeId: person, filter: compare(age, Operator.EQ, val.int(7)) })),
  byUnique: (reader) =>
    reader.queryNodes(
      ask.query({ typeId: person, filter: compare(email, Operator.EQ, val.str('a@x')) }),
    ),
  searchNodes: (reader) => reader.searchNodes(ask.search({ text: 'Ann' })),
  searchPeople: (reader) => reader.searchNodes(ask.search({ text: 'Ann', typeId: person })),
  listNeighbors: (reader) => reader.listNeighbors(ask.neighbors({ nodeId: 'b' })),
  edgesOut: (reader) => reader.listEdges(ask.edges({ nodeId: 'b' })),
  edgesIn: (reader) => reader.listEdges(ask.edges({ nodeId: 'a', direction: 2 })),
  neighborIds: (reader) => reader.listNeighbors(ask.neighbors({ nodeId: 'b', idsOnly: true })),
  listMailbox: (reader) => reader.listMailbox(ask.mailbox({ userId: 'u' })),
  ofThread: (reader) => reader.listMailbox(ask.mailbox({ userId: 'u', threadId: 'other' })),
  searchMailbox: (reader) =>
    reader.searchMailbox(ask.searchMailbox({ userId: 'u', text: 'hello' })),
  countUnread: (reader) => reader.countUnread(ask.unread({ userId: 'u' })),
  getResult: (reader) => reader.getResult(ask.result({ idempotencyKey: 'key-1' })),
  getSchema: (reader) => reader.getSchema(ask.schema()),
  getTenant: (reader) => reader.getTenant(ask.tenant()),
} satisfies Record<string, Read>;
type ReadName = keyof typeof reads;

const ofNode: readonly ReadName[] = [
  'getNode',
  'getNodes',
  'getNodeByKey',
  'byId',
  'byTime',
  'byField',
  'byValue',
  'byUnique',
  'searchNodes',
  'searchPeople',
  'listNeighbors',
];
const ofEdge: readonly ReadName[] = ['edgesOut', 'edgesIn', 'listNeighbors', 'neighborIds'];
const ofItem: readonly ReadName[] = ['listMailbox', 'ofThread', 'searchMailbox'];
const ofSchema: readonly ReadName[] = ['getSchema', 'byId', 'getNodeByKey'];
const ofCanonical = (Object.keys(reads) as ReadName[]).filter(
  (read) => ![...ofItem, 'countUnread'].includes(read),
);
const ofMailbox: readonly ReadName[] = [...ofItem, 'countUnread', 'getTenant'];

type File = Parameters<TestTenant['damage']>[0];
const damages: readonly [string, File, string, string, readonly ReadName[]][] = [
  [
    'fields of a node',
    'canonical.db',
    `UPDATE nodes SET ${flip('fields')} WHERE id = 'a'`,
    'node',
    ofNode,
  ],
  [
    'version of a node',
    'canonical.db',
    `UPDATE nodes SET ${later('version')} WHERE id = 'a'`,
    'node',
    ofNode,
  ],
  [
    'time of a node',
    'canonical.db',
    `UPDATE nodes SET ${later('created_at')} WHERE id = 'a'`,
    'node',
    ofNode,
  ],
  [
    'checksum of a node',
    'canonical.db',
    `UPDATE nodes SET ${flip('hash')} WHERE id = 'a'`,
    'node',
    ofNode,
  ],
  [
    'nodes swapped',
    'canonical.db',
    "UPDATE nodes SET (fields, hash) = (SELECT fields, hash FROM nodes o WHERE o.id = 'b') WHERE id = 'a'",
    'node',
    ofNode,
  ],
  ['fields of an edge', 'canonical.db', `UPDATE edges SET ${flip('fields')}`, 'edge', ofEdge],
  ['time of an edge', 'canonical.db', `UPDATE edges SET ${later('created_at')}`, 'edge', ofEdge],
  [
    'a verdict',
    'canonical.db',
    `UPDATE applied_events SET ${longer('result_json')}`,
    'appliedEvent',
    ['getResult'],
  ],
  ['a schema', 'canonical.db', `UPDATE schemas SET ${flip('definition')}`, 'schema', ofSchema],
  ['canonical position', 'canonical.db', `UPDATE meta SET ${flip('hash')}`, 'tenant', ofCanonical],
  ['mailbox position', 'mailbox.db', `UPDATE meta SET ${flip('hash')}`, 'tenant', ofMailbox],
  [
    'snippet of an item',
    'mailbox.db',
    `UPDATE items SET ${longer('snippet')}`,
    'mailboxItem',
    ofItem,
  ],
  [
    'thread of an item',
    'mailbox.db',
    `UPDATE items SET thread_id = 'other'`,
    'mailboxItem',
    ofItem,
  ],
  ['read mark of an item', 'mailbox.db', 'UPDATE items SET read = 1', 'mailboxItem', ofItem],
  [
    'a lost node',
    'canonical.db',
    "DELETE FROM nodes WHERE id = 'a'",
    '',
    [
      'getNodeByKey',
      'byField',
      'byValue',
      'byUnique',
      'searchNodes',
      'searchPeople',
      'listNeighbors',
    ],
  ],
  [
    'a unique key of another node',
    'canonical.db',
    "UPDATE unique_keys SET node_id = 'b' WHERE name = '2'",
    'unique_keys',
    ['getNodeByKey', 'byUnique'],
  ],
  [
    'an index entry of another node',
    'canonical.db',
    "UPDATE field_index SET node_id = 'b'",
    'field_index',
    ['byField', 'byValue'],
  ],
  [
    'another value in an index',
    'canonical.db',
    `UPDATE field_index SET ${flip('value')}`,
    'field_index',
    ['byField'],
  ],
  ['a lost item', 'mailbox.db', 'DELETE FROM items', 'items_fts', ['searchMailbox']],
  [
    "an item in another user's mailbox",
    'mailbox.db',
    "UPDATE items SET user_id = 'v'",
    'items_fts',
    ['searchMailbox'],
  ],
];

describe('damage', () => {
  let tenant: TestTenant;
  beforeEach(() => {
    tenant = openTestTenant(people.people);
    tenant.write(
      createNode(
        person,
        'a',
        { [name]: val.str('Ann'), [email]: val.str('a@x'), [age]: val.int(7) },
        { userIds: ['u'], threadId: 'thread', snippet: 'hello' },
      ),
      createNode(person, 'b', { [name]: val.str('Bob') }),
      createEdge(knows, 'b', 'a', '', { [since]: val.str('2001') }),
    );
  });
  afterEach(() => tenant.close());

  it('done to none, no read refuses', () => {
    for (const read of Object.values(reads)) expect(() => read(tenant.reader)).not.toThrow();
  });

  it.each(damages)('%s: every read that uses it refuses', (_, file, sql, table, names) => {
    tenant.damage(file, sql);
    // One that was open before, and one that is opened now, unless it refuses at once.
    for (const readName of names) {
      const error = refusal(() => reads[readName](tenant.reader));
      expect([readName, error.code]).toEqual([readName, 'STORE_CORRUPT']);
      expect(error.message).not.toContain(tenant.dir);
      if (table !== '') expect(error.facts.metadata).toMatchObject({ table });
      const fresh = refusal(() => {
        const reader = openTenantReader({ dir: tenant.dir, tenantId: testTenantId });
        try {
          reads[readName](reader);
        } finally {
          reader.close();
        }
      });
      expect([readName, fresh.code]).toEqual([readName, 'STORE_CORRUPT']);
    }
  });
});
