import type { TenantRestored } from '@entdb/contracts';
import type { Progress } from '../sqlite/tenant-file.ts';
import { judgeRestore } from './judge-restore.ts';
import { Rejection } from './rejection.ts';

/** The texts are stored with verdicts and count in the digest: a change of one is a change of format. */
const progress: Progress = {
  state: 'active',
  topic: 'entdb-wal',
  partition: 3,
  offset: 90,
  epoch: 4,
  sequence: 12,
  log_time_us: 1,
  erased_sequence: 5,
};
const digest = 'ab'.repeat(32);
const restored: TenantRestored = {
  $typeName: 'entdb.v1.TenantRestored',
  position: {
    $typeName: 'entdb.v1.Position',
    topic: 'entdb-wal',
    partition: 3,
    offset: 60n,
    epoch: 3n,
  },
  sequence: 7n,
  canonicalDigest: digest,
  mailboxDigest: digest,
  objectPrefix: '',
  manifestSha256: digest,
  expectedEpoch: 4n,
};

function verdict(change: Partial<TenantRestored>, at: Partial<Progress> = {}) {
  try {
    judgeRestore({ ...progress, ...at }, { ...restored, ...change });
    return 'accepted';
  } catch (error) {
    if (error instanceof Rejection) return error.verdict;
    throw error;
  }
}
const at = (more: Partial<NonNullable<TenantRestored['position']>>) => ({
  position: { ...restored.position!, ...more },
});
const { position: _, ...nowhere } = restored;
const notBefore = (sequence: bigint, offset: bigint) =>
  `the target is record ${sequence} at offset ${offset}, which is not before this record 12 at offset 90`;

it.each<[string, Partial<TenantRestored>, Partial<Progress>]>([
  ['of a tenant that is there', {}, {}],
  ['of one that was deleted', {}, { state: 'deleted' }],
  ['to the record before', { sequence: 11n, ...at({ offset: 89n }) }, {}],
  ['to an erasure itself', { sequence: 5n }, {}],
  ['to the first record', { sequence: 1n, ...at({ offset: 0n }) }, { erased_sequence: 0 }],
  ['whatever epoch the target was in', at({ epoch: 99n }), {}],
])('a restore %s is accepted', (_name, change, more) => {
  expect(verdict(change, more)).toBe('accepted');
});

it.each<[string, Partial<TenantRestored>, Partial<Progress>, object]>([
  [
    'a tenant that never was',
    {},
    { state: 'absent' },
    { code: 'TENANT_NOT_FOUND', message: 'there is no such tenant' },
  ],
  [
    'a target in another partition',
    at({ partition: 4 }),
    {},
    {
      code: 'INVALID_POSITION',
      message: 'the target is in entdb-wal, partition 4; the tenant is in entdb-wal, partition 3',
      field: 'tenant_restored.position',
    },
  ],
  [
    'the record itself',
    { sequence: 12n },
    {},
    { code: 'INVALID_POSITION', message: notBefore(12n, 60n) },
  ],
  [
    'its own offset',
    at({ offset: 90n }),
    {},
    { code: 'INVALID_POSITION', message: notBefore(7n, 90n) },
  ],
  ['no record', { sequence: 0n }, {}, { code: 'INVALID_POSITION', message: notBefore(0n, 60n) }],
  [
    'a negative offset',
    at({ offset: -1n }),
    {},
    { code: 'INVALID_POSITION', message: notBefore(7n, -1n) },
  ],
  [
    'a number beyond all records',
    { sequence: 2n ** 64n - 1n },
    {},
    { code: 'INVALID_POSITION', message: notBefore(2n ** 64n - 1n, 60n) },
  ],
  [
    'a digest that is none',
    { mailboxDigest: 'AB'.repeat(32) },
    {},
    { code: 'INVALID_ARGUMENT', message: 'mailboxDigest is not 64 hexadecimal digits' },
  ],
  [
    'a manifest without a digest',
    { manifestSha256: '' },
    {},
    { code: 'INVALID_ARGUMENT', message: 'manifestSha256 is not 64 hexadecimal digits' },
  ],
  [
    'what an erasure ended',
    { sequence: 4n },
    {},
    {
      code: 'TENANT_ERASED',
      message: 'the tenant was erased by record 5, after the target',
      metadata: { erased_sequence: '5' },
    },
  ],
  [
    'another epoch',
    { expectedEpoch: 3n },
    {},
    {
      code: 'PRECONDITION_FAILED',
      message: 'the tenant is in epoch 4, and the restore was decided on in epoch 3',
      hint: 'look at the tenant again, decide anew, and restore under a new key',
      metadata: { epoch: '4' },
    },
  ],
])('a restore is rejected for %s', (_name, change, more, expected) => {
  expect(verdict(change, more)).toMatchObject(expected);
});

it('a restore without a position is rejected', () => {
  expect(() => judgeRestore(progress, nowhere)).toThrow(
    'the target is in no log; the tenant is in entdb-wal, partition 3',
  );
});
