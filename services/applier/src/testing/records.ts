/** Records as a gateway would append them. */
import { partitionOf } from '@entdb/base';
import {
  encodeWalRecord,
  OnConflict,
  requestHash,
  val,
  type Position,
  type WalRecord,
} from '@entdb/contracts';
import { walTopic, type AppendRecord, type Wal } from '@entdb/wal';

export interface RecordOptions {
  /** Of entdb-results, for one who waits for the verdict. */
  readonly results?: number;
  readonly body?: WalRecord['body'];
}

/** Creates node `node-<number>` with the number as its field 1. */
export function recordOf(
  tenantId: string,
  number: number,
  { results, body }: RecordOptions = {},
): AppendRecord {
  const transaction: WalRecord['body'] = {
    case: 'transaction',
    value: {
      $typeName: 'entdb.v1.Transaction',
      preconditions: [],
      operations: [
        {
          $typeName: 'entdb.v1.Operation',
          op: {
            case: 'createNode',
            value: {
              $typeName: 'entdb.v1.CreateNode',
              alias: '',
              typeId: 1,
              id: `node-${number}`,
              fields: { 1: val.int(number) },
              onConflict: OnConflict.UNSPECIFIED,
            },
          },
        },
      ],
    },
  };
  const value = encodeWalRecord({
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: `key-${body?.case ?? ''}${number}`,
    requestHash: requestHash(transaction.value),
    actor: 'test',
    schemaFingerprint: '',
    autoCreate: true,
    body: body ?? transaction,
    ...(results !== undefined && {
      results: { $typeName: 'entdb.v1.ResultsAddress', partition: results },
    }),
  });
  return { key: tenantId, value };
}

/** The same, with a bit that fell over on its way: no applier can apply it. */
export function poisonOf(tenantId: string): AppendRecord {
  const record = recordOf(tenantId, 666);
  const value = Buffer.from(record.value);
  value[value.length - 1]! ^= 1;
  return { ...record, value };
}

/** Appends in the tenant's partition; the offset of the last. */
export async function append(
  wal: Wal,
  partitions: number,
  records: readonly AppendRecord[],
): Promise<number> {
  let last = -1;
  for (const record of records) {
    const lane = await wal.openLane(walTopic, partitionOf(record.key, partitions));
    last = (await lane.append([record])).baseOffset;
    await lane.close();
  }
  return last;
}

/** A position in JSON, as a client sends it back. */
export function positionOf(
  tenantId: string,
  partitions: number,
  offset: number,
): Pick<Position, 'topic' | 'partition'> & { offset: string } {
  return {
    topic: walTopic,
    partition: partitionOf(tenantId, partitions),
    offset: String(offset),
  };
}
