import * as fc from 'fast-check';
import { EntError } from './errors.ts';
import { parseIdempotencyKey, parseTenantId } from './ids.ts';

const allowed = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

function refused(parse: () => unknown): readonly [string, string | undefined] {
  try {
    parse();
  } catch (error) {
    if (error instanceof EntError) return [error.code, error.facts.field];
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a tenant id', () => {
  it.each(['a', '0', '-', '_', 'Acme-1', 'x'.repeat(128)])('may be %j', (text) => {
    expect(parseTenantId(text)).toBe(text);
  });

  it.each([
    '',
    'x'.repeat(129),
    'a b',
    'a/b',
    '..',
    'a.b',
    'tenant!a',
    'ä',
    'a\n',
    '\na',
    'a\0',
    '\uD800',
  ])('may not be %j', (text) => {
    expect(refused(() => parseTenantId(text))).toEqual(['INVALID_TENANT_ID', 'tenant_id']);
  });

  it('is taken as it is, or refused, and never repaired', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 140 }), (text) => {
        const valid =
          text.length > 0 &&
          text.length <= 128 &&
          Array.from(text).every((c) => allowed.includes(c));
        if (valid) expect(parseTenantId(text)).toBe(text);
        else expect(refused(() => parseTenantId(text))[0]).toBe('INVALID_TENANT_ID');
      }),
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...allowed.split('')), minLength: 1, maxLength: 128 }),
        (text) => {
          expect(parseTenantId(text)).toBe(text);
        },
      ),
    );
  });
});

describe('an idempotency key', () => {
  it.each(['a', ' ', '/', 'ä', '\u{1F600}', 'x'.repeat(256)])('may be %j', (text) => {
    expect(parseIdempotencyKey(text)).toBe(text);
  });

  it.each(['', 'x'.repeat(257), 'a\0b', '\uD800'])('may not be %j', (text) => {
    expect(refused(() => parseIdempotencyKey(text))).toEqual([
      'INVALID_IDEMPOTENCY_KEY',
      'idempotency_key',
    ]);
  });
});
