import { create } from '@bufbuild/protobuf';
import { encodeWalRecord, val, WalRecordSchema, type WalRecord } from '@entdb/contracts';
import type { SegmentChecksum } from '../checksum.ts';
import type { Erasure } from '../erasure.ts';
import type { ArchivedRecord } from '../line.ts';
import type { SnapshotManifest } from '../manifest.ts';

/** What the golden files hold. Never change a sample: its bytes are written down. */

const head = {
  tenantId: 'acme',
  requestHash: new Uint8Array(32).fill(7),
  schemaFingerprint: `sha256:${'ab'.repeat(32)}`,
} as const;

const created: WalRecord = create(WalRecordSchema, {
  ...head,
  idempotencyKey: 'create-acme',
  schemaFingerprint: '',
  results: { partition: 3 },
  body: { case: 'tenantCreated', value: {} },
});

const written: WalRecord = create(WalRecordSchema, {
  ...head,
  idempotencyKey: '018bcfe5-6800-7000-8000-000000000000',
  actor: 'user:1',
  autoCreate: true,
  body: {
    case: 'transaction',
    value: {
      operations: [
        {
          op: {
            case: 'createNode',
            value: {
              typeId: 1,
              id: 'n1',
              fields: {
                1: val.str('grüße \u{1F600}'),
                2: val.int(9_007_199_254_740_993n),
                3: val.float(0.1),
                4: val.bytes(Uint8Array.of(0, 255)),
              },
            },
          },
        },
      ],
    },
  },
});

/** A float -0 is one of the things that JSON does not give back. */
const unspeakable: WalRecord = create(WalRecordSchema, {
  ...head,
  idempotencyKey: 'minus-zero',
  body: {
    case: 'transaction',
    value: {
      operations: [
        { op: { case: 'updateNode', value: { typeId: 1, id: 'n1', set: { 3: val.float(-0) } } } },
      ],
    },
  },
});

const values: readonly Uint8Array[] = [
  encodeWalRecord(created),
  encodeWalRecord(written),
  encodeWalRecord(unspeakable),
  Buffer.from('no record of ours'),
];

export const sampleRecords: readonly ArchivedRecord[] = values.map((value, index) => ({
  partition: 5,
  offset: 10 + 3 * index,
  timeMs: [1_790_000_000_000, 1_789_999_999_999, 1_790_000_000_123, 1_790_000_000_123][index] ?? 0,
  sequence: index + 1,
  value,
}));

const restoreValues: readonly Uint8Array[] = [
  encodeWalRecord(
    create(WalRecordSchema, {
      ...head,
      idempotencyKey: 'erase-acme',
      schemaFingerprint: '',
      body: { case: 'tenantDeleted', value: { erase: true } },
    }),
  ),
  encodeWalRecord(
    create(WalRecordSchema, {
      ...head,
      idempotencyKey: 'restore-acme',
      schemaFingerprint: '',
      actor: 'user:1',
      body: {
        case: 'tenantRestored',
        value: {
          position: { topic: 'entdb-wal', partition: 5, offset: 19n, epoch: 1n },
          sequence: 4n,
          canonicalDigest: '01'.repeat(32),
          mailboxDigest: '23'.repeat(32),
          objectPrefix: 'restores/acme/00000000000000000004/',
          manifestSha256: '45'.repeat(32),
          expectedEpoch: 1n,
        },
      },
    }),
  ),
];

/** What came with restores in place. */
export const sampleRestoreRecords: readonly ArchivedRecord[] = restoreValues.map(
  (value, index) => ({
    partition: 5,
    offset: 22 + index,
    timeMs: 1_790_000_000_200 + index,
    sequence: index + 5,
    value,
  }),
);

export const sampleChecksum: SegmentChecksum = {
  tenantId: 'acme',
  segment: 'archive/acme/2026-09-21/segment_00000000000000000005.jsonl.gz',
  sha256: 'cd'.repeat(32),
  bytes: 1_234,
  records: 3,
  topic: 'entdb-wal',
  partition: 5,
  firstSequence: 5,
  lastSequence: 7,
  firstOffset: 20,
  lastOffset: 29,
  firstTimeMs: 1_790_000_000_123,
  lastTimeMs: 1_790_000_000_456,
  previous: {
    segment: 'archive/acme/2026-09-21/segment_00000000000000000001.jsonl.gz',
    sha256: 'ef'.repeat(32),
  },
};

export const sampleManifest: SnapshotManifest = {
  tenantId: 'acme',
  position: { topic: 'entdb-wal', partition: 5, offset: 29 },
  sequence: 7,
  epoch: 1,
  logTimeUs: 1_790_000_000_456_000,
  schemaFingerprint: `sha256:${'ab'.repeat(32)}`,
  files: [
    { name: 'canonical.db', bytes: 65_536, sha256: '01'.repeat(32) },
    { name: 'mailbox.db', bytes: 32_768, sha256: '23'.repeat(32) },
  ],
  digests: { canonical: '45'.repeat(32), mailbox: '67'.repeat(32) },
};

export const sampleConfirmedManifest: SnapshotManifest = {
  ...sampleManifest,
  confirmed: { sequence: 6, instances: ['applier-0-0', 'applier-0-1'] },
};

export const sampleErasure: Erasure = {
  tenantId: 'acme',
  topic: 'entdb-wal',
  partition: 5,
  offset: 29,
  sequence: 7,
  timeMs: 1_790_000_000_456,
  epoch: null,
};
