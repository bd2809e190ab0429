import { EntError } from './errors.ts';

declare const brand: unique symbol;
/** A string that has passed its parser: cannot be mixed up with another kind of string. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Matches `[A-Za-z0-9_-]{1,128}`. Names files, object prefixes and the log's key. */
export type TenantId = Branded<string, 'TenantId'>;
/** 1 to 256 characters, chosen by the client (the SDK mints UUIDv7). */
export type IdempotencyKey = Branded<string, 'IdempotencyKey'>;

const tenantIdPattern = /^[A-Za-z0-9_-]{1,128}$/;

/** Refuses what does not match; never repairs it (two repaired ids could meet in one file). */
export function parseTenantId(text: string): TenantId {
  if (tenantIdPattern.test(text)) return text as TenantId; // matches the pattern above
  throw new EntError(
    'INVALID_TENANT_ID',
    `tenant id ${JSON.stringify(text.slice(0, 140))} is not valid`,
    {
      field: 'tenant_id',
      hint: 'use 1 to 128 characters of A-Z a-z 0-9 _ -',
    },
  );
}

export const idempotencyKeyLengthMax = 256;

export function parseIdempotencyKey(text: string): IdempotencyKey {
  if (
    text.length >= 1 &&
    text.length <= idempotencyKeyLengthMax &&
    text.isWellFormed() &&
    !text.includes('\0')
  ) {
    return text as IdempotencyKey; // checked just now
  }
  throw new EntError(
    'INVALID_IDEMPOTENCY_KEY',
    `idempotency key of ${text.length} characters is not valid`,
    {
      field: 'idempotency_key',
      hint: `use 1 to ${idempotencyKeyLengthMax} characters of well-formed text without NUL; a UUIDv7 is best`,
    },
  );
}
