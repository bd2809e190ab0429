import {
  encodeWalRecord,
  OnConflict,
  requestHash,
  schemaFingerprint,
  val,
  type Fields,
  type Schema,
  type Transaction,
} from '@entdb/contracts';
import type { PlacedBytes } from '@entdb/tenant-store';
import { schema } from './schema.ts';

/** The tenant whose log is made here. */
export const tenantId = 'bench';

const timeMs = 1_790_000_000_000;
const title = (i: number) => `item ${String(i).padStart(8, '0')}`;
export const bodyText = 'x'.repeat(200);

/** A log of so many records, each of which creates one node: sealed, as they stand on a topic. */
export function logOfCreates(count: number, kind: 'typed' | 'untyped'): readonly PlacedBytes[] {
  return Array.from({ length: count }, (_, offset) => ({
    key: tenantId,
    offset,
    timeMs: timeMs + offset,
    value: createRecord(offset, kind === 'typed' ? schema.definition : undefined),
  }));
}

/** About half a kilobyte. Only the first of a log brings the definitions. */
export function createRecord(i: number, definition: Schema | undefined): Uint8Array {
  const fields: Fields = { 1: val.str(title(i)), 2: val.int(i * 7), 3: val.str(bodyText) };
  const transaction: Transaction = {
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
            // Ids are made of hashes in the fleet: no order in them.
            id: idOf(i),
            fields,
            onConflict: OnConflict.UNSPECIFIED,
          },
        },
      },
    ],
  };
  return encodeWalRecord({
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: keyOf(i),
    requestHash: requestHash(transaction),
    actor: 'bench',
    schemaFingerprint: definition ? schemaFingerprint(definition) : '',
    ...(definition && i === 0 && { schema: definition }),
    autoCreate: true,
    body: { case: 'transaction', value: transaction },
  });
}

/** As UUIDv7 keys of one moment would be: in order. */
const keyOf = (i: number) => `01890a5d-ac96-774b-${hex(i >>> 16, 4)}-${hex(i & 0xffff, 12)}`;

function idOf(i: number): string {
  const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  return `${hex(mixed, 8)}-5bd1-8e99-bf58-${hex(i, 12)}`;
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
