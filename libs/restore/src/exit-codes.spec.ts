import { EntError, type ErrorCode } from '@entdb/base';
import { exitCodeOf, exitCodesHelp, gravest } from './exit-codes.ts';

it.each<[ErrorCode, number]>([
  ['OBJECT_STORE_UNAVAILABLE', 1],
  ['STORE_UNAVAILABLE', 1],
  ['INVALID_TARGET', 2],
  ['INVALID_SETTING', 2],
  ['INVALID_TENANT_ID', 2],
  ['NOTHING_ARCHIVED', 3],
  ['SNAPSHOT_NOT_FOUND', 3],
  ['TARGET_BEFORE_FIRST', 3],
  ['TARGET_BEYOND_ARCHIVE', 3],
  ['OUTPUT_NOT_EMPTY', 3],
  ['OUTPUT_IN_USE', 3],
  ['SEGMENT_CORRUPT', 4],
  ['OBJECT_NOT_FOUND', 4],
  ['TARGET_IN_GAP', 4],
  ['ARCHIVE_BROKEN', 4],
  ['RESTORE_DIGEST_MISMATCH', 4],
  ['UNKNOWN_FORMAT', 4],
])('ends with %s as %i', (code, expected) => {
  expect(exitCodeOf(new EntError(code, 'x'))).toBe(expected);
});

it('ends what nobody foresaw as failed', () => {
  expect(exitCodeOf(new TypeError('x'))).toBe(1);
  expect(exitCodeOf('x')).toBe(1);
});

it('takes the gravest of several tenants, damage above all', () => {
  expect(gravest([])).toBe(0);
  expect(gravest([0, 5, 0])).toBe(5);
  expect(gravest([5, 3])).toBe(3);
  expect(gravest([3, 1, 2])).toBe(1);
  expect(gravest([1, 4, 3])).toBe(4);
});

it('has a line in the help for each', () => {
  for (const code of [0, 1, 2, 3, 4, 5])
    expect(exitCodesHelp).toMatch(new RegExp(`^ {2}${code} {2}`, 'm'));
});
