import { hash } from 'node:crypto';
import type { Transaction } from './gen/entdb/v1/transaction_pb.ts';
import { writeTransaction } from './transaction-bytes.ts';
import { beginWire, takeWire } from './wire-writer.ts';

/**
 * Tells a retry from another request with the same key: SHA-256 of the canonical transaction, with ids in place of aliases. Maps are keyed by
 * integers, which JavaScript iterates in ascending order, so equal transactions have equal bytes. How long the caller waits, which schema
 * version it names and through which gateway it came are no part of what it asks for.
 */
export function requestHash(transaction: Transaction): Uint8Array<ArrayBuffer> {
  return requestHashOf(encodeTransaction(transaction));
}

/** The canonical bytes of a transaction: what its hash is of, and what stands in its record. */
export function encodeTransaction(transaction: Transaction): Uint8Array<ArrayBuffer> {
  beginWire();
  writeTransaction(transaction);
  return takeWire();
}

/** As `requestHash`, of a transaction's canonical bytes. */
export function requestHashOf(transactionBytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Buffer.from(hash('sha256', transactionBytes, 'binary'), 'binary');
}

/**
 * Of a restore in place: which tenant, and to which record of its history. The epoch in which it was decided is no part of it: a retry after an unknown outcome is made in
 * the next one, and must find the verdict of the first.
 */
export function restoreRequestHash(
  tenantId: string,
  { sequence, offset }: { readonly sequence: number; readonly offset: number },
): Uint8Array<ArrayBuffer> {
  return requestHashOf(Buffer.from(`tenantRestored\0${tenantId}\0${sequence}\0${offset}`));
}
