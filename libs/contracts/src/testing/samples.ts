import { create } from '@bufbuild/protobuf';
import { WalRecordSchema, type WalRecord } from '../gen/entdb/v1/record_pb.ts';
import { Kind, SchemaSchema, type Schema } from '../gen/entdb/v1/schema_pb.ts';
import {
  OnConflict,
  Operator,
  TransactionSchema,
  type Transaction,
} from '../gen/entdb/v1/transaction_pb.ts';
import type { Verdict } from '../result-json.ts';
import { val, type Fields } from '../value.ts';

/** One of everything: what the golden files hold. Never change a sample; its bytes are written down. */

export const sampleFields: Fields = {
  1: val.str('grüße \u{1F600}'),
  2: val.int(9_007_199_254_740_993n),
  3: val.int(-(2n ** 63n)),
  4: val.float(-0),
  5: val.bool(false),
  6: val.timestamp(1_700_000_000_000_000n),
  7: val.json('{"b":1,"a":[]}'),
  8: val.bytes(Uint8Array.of(0, 255)),
  9: val.enum('open'),
  10: val.ref('n1'),
  11: val.list([val.int(1), val.int(-1)]),
  12: val.list([]),
  300: val.str(''),
};

export const sampleSchema: Schema = create(SchemaSchema, {
  nodeTypes: [
    {
      id: 1,
      name: 'User',
      fields: [
        { id: 1, name: 'email', kind: Kind.STR, required: true, unique: true },
        { id: 2, name: 'age', kind: Kind.INT, indexed: true },
        { id: 3, name: 'tags', kind: Kind.STR, list: true, searchable: true },
        { id: 4, name: 'state', kind: Kind.ENUM, enumValues: ['open', 'closed'] },
        { id: 5, name: 'manager', kind: Kind.REF, refTypeId: 1 },
      ],
      unique: [{ name: 'state_age', fieldIds: [4, 2] }],
    },
    { id: 2, name: 'Größe "x"' },
  ],
  edgeTypes: [
    {
      id: 1,
      name: 'knows',
      fromTypeIds: [1],
      toTypeIds: [2, 1],
      fields: [{ id: 1, name: 'since', kind: Kind.TIMESTAMP, required: true }],
    },
    { id: 2, name: 'likes' },
  ],
});

export const sampleTransaction: Transaction = create(TransactionSchema, {
  operations: [
    {
      op: {
        case: 'createNode',
        value: {
          typeId: 1,
          id: 'n1',
          fields: sampleFields,
          onConflict: OnConflict.SKIP,
          delivery: { userIds: ['u1', 'u2'], threadId: 't', snippet: 's', text: 'x' },
        },
      },
    },
    {
      op: {
        case: 'updateNode',
        value: { typeId: 1, id: 'n1', set: { 1: val.str('') }, clear: [2] },
      },
    },
    { op: { case: 'deleteNode', value: { typeId: 1, id: 'n2' } } },
    {
      op: {
        case: 'createEdge',
        value: { typeId: 1, fromId: 'n1', toId: 'n2', key: 'k', fields: { 1: val.timestamp(0n) } },
      },
    },
    { op: { case: 'deleteEdge', value: { typeId: 1, fromId: 'n1', toId: 'n2', key: 'k' } } },
    {
      op: {
        case: 'deleteWhere',
        value: {
          typeId: 1,
          maxMatches: 10,
          filter: {
            expression: {
              case: 'and',
              value: {
                filters: [
                  {
                    expression: {
                      case: 'compare',
                      value: { fieldId: 2, operator: Operator.GTE, values: [val.int(2n ** 60n)] },
                    },
                  },
                  {
                    expression: {
                      case: 'not',
                      value: {
                        expression: {
                          case: 'compare',
                          value: { fieldId: 3, operator: Operator.EXISTS },
                        },
                      },
                    },
                  },
                ],
              },
            },
          },
        },
      },
    },
    { op: { case: 'markRead', value: { userId: 'u1', nodeIds: ['n1'], unread: true } } },
  ],
  preconditions: [
    { typeId: 1, nodeId: 'n1', exists: false },
    { typeId: 1, nodeId: 'n2', version: 3n, equals: { 2: val.int(7) }, absent: [3] },
  ],
});

export const sampleRecords: Readonly<Record<string, WalRecord>> = {
  transaction: create(WalRecordSchema, {
    tenantId: 'acme',
    idempotencyKey: '018bcfe5-6800-7000-8000-000000000000',
    requestHash: new Uint8Array(32).fill(7),
    actor: 'user:1',
    schemaFingerprint: `sha256:${'ab'.repeat(32)}`,
    schema: sampleSchema,
    autoCreate: true,
    results: { partition: 3 },
    body: { case: 'transaction', value: sampleTransaction },
  }),
  'tenant-created': create(WalRecordSchema, {
    tenantId: 'acme',
    idempotencyKey: 'create-acme',
    requestHash: new Uint8Array(32).fill(1),
    body: { case: 'tenantCreated', value: {} },
  }),
  'tenant-deleted': create(WalRecordSchema, {
    tenantId: 'acme',
    idempotencyKey: 'delete-acme',
    requestHash: new Uint8Array(32).fill(2),
    results: { partition: 0 },
    body: { case: 'tenantDeleted', value: {} },
  }),
  'tenant-erased': create(WalRecordSchema, {
    tenantId: 'acme',
    idempotencyKey: 'erase-acme',
    requestHash: new Uint8Array(32).fill(3),
    body: { case: 'tenantDeleted', value: { erase: true } },
  }),
  'tenant-restored': create(WalRecordSchema, {
    tenantId: 'acme',
    idempotencyKey: '018bcfe5-6800-7000-8000-000000000001',
    requestHash: new Uint8Array(32).fill(4),
    actor: 'user:1',
    results: { partition: 3 },
    body: {
      case: 'tenantRestored',
      value: {
        position: { topic: 'entdb-wal', partition: 5, offset: 2n ** 53n - 1n, epoch: 1n },
        sequence: 40n,
        canonicalDigest: '01'.repeat(32),
        mailboxDigest: '23'.repeat(32),
        objectPrefix: 'restores/acme/00000000000000000040/',
        manifestSha256: '45'.repeat(32),
        expectedEpoch: 2n,
      },
    },
  }),
};

const position = { topic: 'entdb-wal', partition: 5, offset: 42, epoch: 2 } as const;

export const sampleVerdicts: Readonly<Record<string, Verdict>> = {
  applied: {
    position,
    appliedAtUs: 1_700_000_000_123_000,
    outcome: {
      case: 'applied',
      operations: [
        { id: 'n1', changed: true },
        { changed: false },
        { changed: true, deletedIds: ['a', 'b'] },
        { changed: false, deletedIds: [] },
      ],
    },
  },
  rejected: {
    position: { ...position, offset: 0 },
    appliedAtUs: 1_700_000_000_123_000,
    outcome: {
      case: 'rejected',
      error: {
        code: 'UNIQUE_VIOLATION',
        message: 'User.email: "a\u2028b" is taken',
        field: 'operations[0].create_node.fields[1]',
        metadata: { node_id: 'n0', constraint: '1' },
      },
    },
  },
};
