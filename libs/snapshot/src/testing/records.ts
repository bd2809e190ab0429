import { createHash } from 'node:crypto';
import { restorePointPrefix } from '@entdb/archive-format';
import {
  encodeWalRecord,
  Kind,
  OnConflict,
  requestHash,
  schemaFingerprint,
  val,
  type Operation,
  type Schema,
  type Transaction,
  type WalRecord,
} from '@entdb/contracts';

/** A record as the log has it. */
export interface RawRecord {
  readonly offset: number;
  readonly timeMs: number;
  readonly key: string;
  readonly value: Uint8Array;
}

export const tenantId = 'acme';
export const place = { topic: 'entdb-wal', partition: 3 } as const;
export const baseTimeMs = 1_790_000_000_000;

const schema: Schema = {
  $typeName: 'entdb.v1.Schema',
  nodeTypes: [
    {
      $typeName: 'entdb.v1.NodeType',
      id: 1,
      name: 'Note',
      fields: [
        ['title', Kind.STR, { indexed: true, searchable: true }] as const,
        ['size', Kind.INT, {}] as const,
      ].map(([name, kind, more], i) => ({
        $typeName: 'entdb.v1.FieldDefinition' as const,
        id: i + 1,
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
      })),
      unique: [],
    },
  ],
  edgeTypes: [],
};

/** A small random number generator, so that a seed gives a history. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/**
 * A tenant's part of a partition: other tenants' records stand between, many stamps are equal, some step back, some keys are repeated, some
 * transactions are rejected, and mail is delivered.
 */
export function randomLog(count: number, seed: number): readonly RawRecord[] {
  const random = seeded(seed);
  const records: RawRecord[] = [];
  let offset = random(5);
  let timeMs = baseTimeMs;
  for (let n = 0; n < count; n++) {
    const step = random(10);
    timeMs += step < 5 ? 0 : step < 9 ? random(40_000) : -random(3_000);
    const repeats = n > 5 && random(15) === 0;
    const key = repeats ? records[random(n)]!.key : `key-${n}`;
    records.push({ offset, timeMs, key, value: encodeWalRecord(recordOf(key, n, random)) });
    offset += 1 + (random(3) === 0 ? random(6) : 0);
  }
  return records;
}

function recordOf(key: string, n: number, random: (below: number) => number): WalRecord {
  const transaction: Transaction = {
    $typeName: 'entdb.v1.Transaction',
    operations: Array.from({ length: 1 + random(3) }, () => operationOf(n, random)),
    preconditions: [],
  };
  return walRecord(key, transaction, n === 0);
}

/** Anything but a transaction, as the gateway would write it. */
export function bodyRecord(key: string, body: WalRecord['body']): WalRecord {
  return {
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: key,
    requestHash: Uint8Array.from(createHash('sha256').update(key).digest()),
    actor: 'test',
    schemaFingerprint: '',
    autoCreate: false,
    body,
  };
}

export const deletion = (key: string, erase: boolean): WalRecord =>
  bodyRecord(key, {
    case: 'tenantDeleted',
    value: { $typeName: 'entdb.v1.TenantDeleted', erase },
  });

export const creation = (key: string): WalRecord =>
  bodyRecord(key, { case: 'tenantCreated', value: { $typeName: 'entdb.v1.TenantCreated' } });

/** A restore in place, as the restore tool would append it. */
export const restoration = (
  key: string,
  to: {
    readonly sequence: number;
    readonly offset: number;
    readonly epoch: number;
    readonly canonicalDigest: string;
    readonly mailboxDigest: string;
    readonly manifestSha256: string;
    readonly expectedEpoch: number;
  },
): WalRecord =>
  bodyRecord(key, {
    case: 'tenantRestored',
    value: {
      $typeName: 'entdb.v1.TenantRestored',
      position: {
        $typeName: 'entdb.v1.Position',
        ...place,
        offset: BigInt(to.offset),
        epoch: BigInt(to.epoch),
      },
      sequence: BigInt(to.sequence),
      canonicalDigest: to.canonicalDigest,
      mailboxDigest: to.mailboxDigest,
      objectPrefix: restorePointPrefix(tenantId, to.sequence),
      manifestSha256: to.manifestSha256,
      expectedEpoch: BigInt(to.expectedEpoch),
    },
  });

/** The log with these records in the place of its own: by number, from 1. */
export function withRecords(
  log: readonly RawRecord[],
  records: Readonly<Record<number, WalRecord>>,
): readonly RawRecord[] {
  return log.map((raw, i) => {
    const record = records[i + 1];
    if (!record) return raw;
    return { ...raw, key: record.idempotencyKey, value: encodeWalRecord(record) };
  });
}

export function walRecord(key: string, transaction: Transaction, withSchema: boolean): WalRecord {
  return {
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: key,
    requestHash: requestHash(transaction),
    actor: 'test',
    schemaFingerprint: schemaFingerprint(schema),
    ...(withSchema && { schema }),
    autoCreate: true,
    body: { case: 'transaction', value: transaction },
  };
}

function operationOf(n: number, random: (below: number) => number): Operation {
  const id = `n${random(40)}`;
  const fields = { 1: val.str(`title ${n} ${'x'.repeat(random(200))}`), 2: val.int(BigInt(n)) };
  const delivery = {
    $typeName: 'entdb.v1.Delivery' as const,
    userIds: [`u${random(3)}`],
    threadId: '',
    snippet: `snippet ${n}`,
    text: `text ${n}`,
  };
  const op = (value: Operation['op']): Operation => ({
    $typeName: 'entdb.v1.Operation',
    op: value,
  });
  switch (random(6)) {
    case 0:
      return op({
        case: 'updateNode',
        value: { $typeName: 'entdb.v1.UpdateNode', typeId: 1, id, set: fields, clear: [] },
      });
    case 1:
      return op({ case: 'deleteNode', value: { $typeName: 'entdb.v1.DeleteNode', typeId: 1, id } });
    case 2:
      return op({
        case: 'createEdge',
        value: {
          $typeName: 'entdb.v1.CreateEdge',
          typeId: 1,
          fromId: id,
          toId: `n${random(40)}`,
          key: '',
          fields: {},
          onConflict: OnConflict.SKIP,
        },
      });
    default:
      return op({
        case: 'createNode',
        value: {
          $typeName: 'entdb.v1.CreateNode',
          alias: '',
          typeId: 1,
          id,
          fields,
          onConflict: OnConflict.SKIP,
          ...(random(3) === 0 && { delivery }),
        },
      });
  }
}
