import {
  type Kind,
  OnConflict,
  decodeWalRecord,
  encodeWalRecord,
  requestHash,
  restoreRequestHash,
  schemaFingerprint,
  type CreateEdge,
  type CreateNode,
  type DeleteWhere,
  type Delivery,
  type FieldDefinition,
  type Fields,
  type MarkRead,
  type Operation,
  type Precondition,
  type Schema,
  type TenantRestored,
  type UpdateNode,
  type WalRecord,
} from '@entdb/contracts';
import type { PlacedRecord } from '../../store.ts';

/** A tenant's log for tests: every record goes through its encoding, as it would on a topic. */
export const tenantId = 'acme';
export const baseTimeMs = 1_790_000_000_000;

export interface RecordParts {
  readonly key?: string;
  readonly operations?: readonly Operation[];
  readonly preconditions?: readonly Precondition[];
  /** Named by its fingerprint. */
  readonly schema?: Schema;
  /** Whether the definitions travel too. Default: yes. */
  readonly definitions?: boolean;
  readonly autoCreate?: boolean;
  readonly body?: 'tenantCreated' | 'tenantDeleted' | 'tenantErased' | TenantRestored;
  /** Taken as it is: for records that no gateway would append. */
  readonly raw?: (record: WalRecord) => WalRecord;
}

export function recordAt(
  offset: number,
  parts: RecordParts,
  timeMs = baseTimeMs + offset * 1000,
): PlacedRecord {
  const {
    key = `key-${offset}`,
    operations = [],
    preconditions = [],
    schema,
    definitions = true,
    autoCreate = true,
    body,
    raw,
  } = parts;
  const transaction = {
    $typeName: 'entdb.v1.Transaction' as const,
    operations: [...operations],
    preconditions: [...preconditions],
  };
  const record: WalRecord = {
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: key,
    requestHash:
      typeof body === 'object'
        ? restoreRequestHash(tenantId, {
            sequence: Number(body.sequence),
            offset: Number(body.position?.offset ?? -1n),
          })
        : requestHash(transaction),
    actor: 'test',
    schemaFingerprint: schema ? schemaFingerprint(schema) : '',
    ...(schema && definitions && { schema }),
    autoCreate,
    body: bodyOf(body) ?? { case: 'transaction', value: transaction },
  };
  return {
    topic: 'entdb-wal',
    partition: 3,
    offset,
    timeMs,
    record: raw ? raw(record) : decodeWalRecord(tenantId, encodeWalRecord(record)),
  };
}

function bodyOf(body: RecordParts['body']): WalRecord['body'] | undefined {
  switch (body) {
    case undefined:
      return undefined;
    case 'tenantCreated':
      return { case: 'tenantCreated', value: { $typeName: 'entdb.v1.TenantCreated' } };
    case 'tenantDeleted':
    case 'tenantErased':
      return {
        case: 'tenantDeleted',
        value: { $typeName: 'entdb.v1.TenantDeleted', erase: body === 'tenantErased' },
      };
    default:
      return { case: 'tenantRestored', value: body };
  }
}

const operation = (op: Operation['op']): Operation => ({ $typeName: 'entdb.v1.Operation', op });

export const op = {
  create: (id: string, fields: Fields = {}, more: Partial<CreateNode> = {}) =>
    operation({
      case: 'createNode',
      value: {
        $typeName: 'entdb.v1.CreateNode',
        alias: '',
        typeId: 1,
        id,
        fields,
        onConflict: OnConflict.UNSPECIFIED,
        ...more,
      },
    }),
  update: (id: string, set: Fields, more: Partial<UpdateNode> = {}) =>
    operation({
      case: 'updateNode',
      value: { $typeName: 'entdb.v1.UpdateNode', typeId: 1, id, set, clear: [], ...more },
    }),
  remove: (id: string, typeId = 1) =>
    operation({ case: 'deleteNode', value: { $typeName: 'entdb.v1.DeleteNode', typeId, id } }),
  link: (fromId: string, toId: string, more: Partial<CreateEdge> = {}) =>
    operation({
      case: 'createEdge',
      value: {
        $typeName: 'entdb.v1.CreateEdge',
        typeId: 1,
        fromId,
        toId,
        key: '',
        fields: {},
        onConflict: OnConflict.UNSPECIFIED,
        ...more,
      },
    }),
  unlink: (fromId: string, toId: string, typeId = 1, key = '') =>
    operation({
      case: 'deleteEdge',
      value: { $typeName: 'entdb.v1.DeleteEdge', typeId, fromId, toId, key },
    }),
  removeWhere: (filter: DeleteWhere['filter'], maxMatches = 0, typeId = 1) =>
    operation({
      case: 'deleteWhere',
      value: { $typeName: 'entdb.v1.DeleteWhere', typeId, maxMatches, ...(filter && { filter }) },
    }),
  markRead: (userId: string, more: Partial<MarkRead> = {}) =>
    operation({
      case: 'markRead',
      value: { $typeName: 'entdb.v1.MarkRead', userId, nodeIds: [], unread: false, ...more },
    }),
} as const;

export function delivery(userIds: readonly string[], snippet = '', text = ''): Delivery {
  return { $typeName: 'entdb.v1.Delivery', userIds: [...userIds], threadId: '', snippet, text };
}

export function precondition(nodeId: string, more: Partial<Precondition> = {}): Precondition {
  return { $typeName: 'entdb.v1.Precondition', typeId: 1, nodeId, equals: {}, absent: [], ...more };
}

export function field(
  id: number,
  name: string,
  kind: Kind,
  more: Partial<FieldDefinition> = {},
): FieldDefinition {
  return {
    $typeName: 'entdb.v1.FieldDefinition',
    id,
    name,
    kind,
    list: false,
    required: false,
    unique: false,
    indexed: false,
    searchable: false,
    enumValues: [],
    refTypeId: 0,
    ...more,
  };
}

/** One node type (1) and one edge type (1), unless told otherwise. */
export function schemaOf(
  fields: readonly FieldDefinition[],
  unique: readonly (readonly number[])[] = [],
): Schema {
  return {
    $typeName: 'entdb.v1.Schema',
    nodeTypes: [
      {
        $typeName: 'entdb.v1.NodeType',
        id: 1,
        name: 'Thing',
        fields: [...fields],
        unique: unique.map((fieldIds) => ({
          $typeName: 'entdb.v1.UniqueConstraint',
          name: `u${fieldIds.join('_')}`,
          fieldIds: [...fieldIds],
        })),
      },
    ],
    edgeTypes: [],
  };
}
