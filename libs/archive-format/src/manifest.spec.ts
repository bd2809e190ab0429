import { InvariantError } from '@entdb/base';
import * as fc from 'fast-check';
import { sealDocument } from './document.ts';
import { encodeManifest, parseManifest, type SnapshotManifest } from './manifest.ts';
import { manifestName, restorePointManifestName, snapshotId } from './names.ts';
import { refusal } from './testing/refusal.ts';
import { sampleManifest } from './testing/samples.ts';

const nameOf = ({ tenantId, logTimeUs }: SnapshotManifest) =>
  manifestName(tenantId, snapshotId(logTimeUs / 1000));
const name = nameOf(sampleManifest);
const parse = (text: string, as = name) => parseManifest(Buffer.from(text), as);
const fields = (() => {
  const { format: _, check: __, ...rest } = JSON.parse(encodeManifest(sampleManifest));
  return rest as Record<string, unknown>;
})();

it('is read as it was written (property)', () => {
  const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
  const count = fc.nat(Number.MAX_SAFE_INTEGER - 1);
  const manifest = fc
    .record({
      tenantId: fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/),
      position: fc.record({
        topic: fc.constantFrom('entdb-wal', 'grün'),
        partition: count,
        offset: count,
      }),
      epoch: count,
      logTimeUs: fc.nat(Date.UTC(2200, 0)).map((ms) => ms * 1000),
      schemaFingerprint: fc.oneof(
        fc.constant(''),
        sha256.map((hash) => `sha256:${hash}`),
      ),
      sizes: fc.tuple(count, count),
      hashes: fc.tuple(sha256, sha256),
      digests: fc.record({ canonical: sha256, mailbox: sha256 }),
      instances: fc.uniqueArray(fc.stringMatching(/^[a-zü-]{1,5}$/), { maxLength: 16 }),
      back: fc.nat(),
    })
    .map(({ sizes, hashes, back, instances, ...rest }): SnapshotManifest => ({
      ...rest,
      ...(instances.length > 0 && { confirmed: { sequence: 1, instances: instances.sort() } }),
      sequence: Math.max(1, rest.position.offset + 1 - back),
      files: [
        { name: 'canonical.db', bytes: sizes[0], sha256: hashes[0] },
        { name: 'mailbox.db', bytes: sizes[1], sha256: hashes[1] },
      ],
    }));
  fc.assert(
    fc.property(manifest, (made) => {
      expect(parse(encodeManifest(made), nameOf(made))).toEqual(made);
      const asRestorePoint = restorePointManifestName(made.tenantId, made.sequence);
      expect(parse(encodeManifest(made), asRestorePoint)).toEqual(made);
    }),
  );
});

it('has what the contract asks for', () => {
  expect(JSON.parse(encodeManifest(sampleManifest))).toMatchObject({
    format: 1,
    tenant_id: 'acme',
    timestamp: '2026-09-21T14:13:20.456Z',
    wal_position: { topic: 'entdb-wal', partition: 5, offset: 29 },
    schema_fingerprint: sampleManifest.schemaFingerprint,
    record_count: 7,
  });
});

it.each<readonly [string, Partial<SnapshotManifest>]>([
  ['it has more records than offsets', { sequence: 31 }],
  ['it has no record', { sequence: 0 }],
  ['its time is between milliseconds', { logTimeUs: 1_790_000_000_456_001 }],
  ['its fingerprint is none', { schemaFingerprint: 'md5:1' }],
  ['a file is missing', { files: sampleManifest.files.slice(1) }],
  ['its files are in another order', { files: sampleManifest.files.toReversed() }],
])('is neither written nor read where %s', async (_, change) => {
  expect(() => encodeManifest({ ...sampleManifest, ...change })).toThrow(InvariantError);
  const text = sealDocument({
    ...fields,
    ...(change.sequence !== undefined && {
      sequence: change.sequence,
      record_count: change.sequence,
    }),
    ...(change.logTimeUs !== undefined && { log_time_us: change.logTimeUs }),
    ...(change.schemaFingerprint !== undefined && { schema_fingerprint: change.schemaFingerprint }),
    ...(change.files && { files: change.files }),
  });
  expect((await refusal(() => parse(text))).code).toBe('SNAPSHOT_CORRUPT');
});

it.each(Object.keys(fields))('is refused without %s, or with nonsense there', async (key) => {
  const { [key]: _, ...others } = fields;
  for (const value of [undefined, -1, 1.5, 'x', '\ud800', {}, [], [{}], 2 ** 53, null]) {
    const text = sealDocument(value === undefined ? others : { ...fields, [key]: value });
    expect((await refusal(() => parse(text))).code).toBe('SNAPSHOT_CORRUPT');
  }
});

it('is refused as another tenant’s, another snapshot’s, in another form, or of another time', async () => {
  const text = encodeManifest(sampleManifest);
  const codes = async (as: string, with_ = text) => (await refusal(() => parse(with_, as))).code;
  expect(await codes(manifestName('other', snapshotId(1_790_000_000_456)))).toBe(
    'SNAPSHOT_CORRUPT',
  );
  expect(await codes(manifestName('acme', snapshotId(1_790_000_000_457)))).toBe('SNAPSHOT_CORRUPT');
  expect(await codes(name, JSON.stringify(JSON.parse(text)))).toBe('SNAPSHOT_CORRUPT');
  expect(await codes(name, sealDocument({ ...fields, more: 1 }))).toBe('SNAPSHOT_CORRUPT');
  expect(await codes(name, text.replace('"format": 1', '"format": 2'))).toBe('SNAPSHOT_CORRUPT');
  expect(await codes(name, '{"format":2}')).toBe('UNKNOWN_FORMAT');
});

it.each<readonly [string, SnapshotManifest['confirmed']]>([
  ['a record that is not in it', { sequence: 8, instances: ['a'] }],
  ['no record', { sequence: 0, instances: ['a'] }],
  ['nobody', { sequence: 7, instances: [] }],
  ['somebody twice', { sequence: 7, instances: ['a', 'a'] }],
  ['instances in another order', { sequence: 7, instances: ['b', 'a'] }],
  ['too many', { sequence: 7, instances: Array.from('abcdefghijklmnopq') }],
])('is neither written nor read where it was confirmed by %s', async (_, confirmed) => {
  expect(() => encodeManifest({ ...sampleManifest, ...(confirmed && { confirmed }) })).toThrow(
    InvariantError,
  );
  const text = sealDocument({ ...fields, confirmed });
  expect((await refusal(() => parse(text))).code).toBe('SNAPSHOT_CORRUPT');
});

it('is refused with nonsense where it was confirmed', async () => {
  const nonsense = [null, 1, [], {}, { sequence: 1 }, { sequence: 1, instances: [''] }];
  for (const confirmed of [...nonsense, { sequence: 1, instances: ['a'], more: 1 }]) {
    const text = sealDocument({ ...fields, confirmed });
    expect((await refusal(() => parse(text))).code).toBe('SNAPSHOT_CORRUPT');
  }
});

it('is refused as the manifest of another restore point', async () => {
  const text = encodeManifest(sampleManifest);
  expect(parse(text, restorePointManifestName('acme', 7))).toEqual(sampleManifest);
  for (const as of [restorePointManifestName('acme', 8), restorePointManifestName('other', 7)])
    expect((await refusal(() => parse(text, as))).code).toBe('SNAPSHOT_CORRUPT');
});
