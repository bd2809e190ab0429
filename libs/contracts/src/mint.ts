import { hash } from 'node:crypto';
import { invariant } from '@entdb/base';

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const indexMax = 0xffff;

/** Makes the ids of one transaction: minted once per key, so that the hash is computed once. */
export interface IdMint {
  /** The id of the node that operation `index` (0 to 65,535) creates. */
  idAt(index: number): string;
}

/**
 * Ids are a pure function of (tenant, key, operation index): a retry through any gateway mints the same, with no look-up.
 *
 * With a UUIDv7 key the id is a UUIDv7 (RFC 9562) of the same millisecond, so that ids rise with time: random ids cost a factor of
 * seven in SQLite's insert rate. With any other key it is a UUIDv8 of hash bits. The last 16 bits are the index, so that ids of one
 * transaction rise in its order; 58 bits of SHA-256 tell the keys of one millisecond apart.
 */
export function createIdMint(tenantId: string, idempotencyKey: string): IdMint {
  const digest = hash('sha256', `${tenantId}\0${idempotencyKey}`, 'hex');
  const ordered = uuidV7.test(idempotencyKey);
  const head = ordered
    ? idempotencyKey.slice(0, 13).toLowerCase()
    : `${digest.slice(20, 28)}-${digest.slice(28, 32)}`;
  const variant = '89ab'[Number.parseInt(digest[3]!, 16) & 3]!;
  const prefix = `${head}-${ordered ? '7' : '8'}${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 15)}`;
  return {
    idAt: (index) => {
      invariant(
        Number.isInteger(index) && index >= 0 && index <= indexMax,
        'a transaction mints at most 65,536 ids',
      );
      return prefix + index.toString(16).padStart(4, '0');
    },
  };
}
