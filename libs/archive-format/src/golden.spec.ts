/** What was written by an earlier version is read by this one, and this one writes the same. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { firstLink } from './chain.ts';
import { encodeChecksum, parseChecksum } from './checksum.ts';
import { decodeLine, encodeLine } from './line.ts';
import { encodeErasure, parseErasure } from './erasure.ts';
import { encodeManifest, parseManifest } from './manifest.ts';
import {
  checksumNameOf,
  erasureName,
  manifestName,
  restorePointManifestName,
  snapshotId,
} from './names.ts';
import { encodeSegment } from './segment.ts';
import { plain, recordsOf } from './testing/records.ts';
import {
  sampleChecksum,
  sampleConfirmedManifest,
  sampleErasure,
  sampleManifest,
  sampleRecords,
  sampleRestoreRecords,
} from './testing/samples.ts';

const folder = join(__dirname, '../testdata');

/** Files are added, never edited. One that is missing is written, and fails once, so that it is looked at and committed. */
function golden(name: string, made: Uint8Array): Buffer {
  const path = join(folder, name);
  if (existsSync(path)) return readFileSync(path);
  writeFileSync(path, made);
  throw new Error(`${name} was not there and has been written: look at it, commit it, run again`);
}

const link = firstLink({ tenantId: 'acme', topic: 'entdb-wal', partition: 5 });
const segment = encodeSegment(link, sampleRecords);

it('the lines of a segment', async () => {
  const lines = gunzipSync((await segment).bytes);
  expect(lines.toString()).toBe(golden('segment.v1.jsonl', lines).toString());
});

it.each(sampleRestoreRecords.map((record) => [record.sequence, record] as const))(
  'the line of an erasure and of a restore in place: record %i',
  (sequence, record) => {
    const { line, proof } = encodeLine('acme', record);
    expect(proof).toBe('json');
    const stored = golden(
      `line.${sequence === 5 ? 'erased' : 'restored'}.v1.jsonl`,
      Buffer.from(`${line}\n`),
    );
    expect(`${line}\n`).toBe(stored.toString());
    const place = { tenantId: 'acme', object: 'o', line: 1 };
    expect(plain([decodeLine(stored.toString().trimEnd(), place)])).toEqual(plain([record]));
  },
);

it('a segment and its checksum', async () => {
  const { bytes, name, checksum } = await segment;
  const stored = golden('segment.v1.jsonl.gz', bytes);
  const text = golden('segment.v1.checksum', Buffer.from(encodeChecksum(checksum)));
  const read = parseChecksum(text, checksumNameOf(name));
  expect(plain(await recordsOf(stored, read))).toEqual(plain(sampleRecords));
  // The bytes may differ with another zlib; all else may not.
  expect({ ...checksum, sha256: '', bytes: 0 }).toEqual({ ...read, sha256: '', bytes: 0 });
});

it('a checksum in a chain', () => {
  const made = encodeChecksum(sampleChecksum);
  const stored = golden('checksum.v1.json', Buffer.from(made));
  expect(made).toBe(stored.toString());
  expect(parseChecksum(stored, checksumNameOf(sampleChecksum.segment))).toEqual(sampleChecksum);
});

it('a manifest', () => {
  const made = encodeManifest(sampleManifest);
  const stored = golden('manifest.v1.json', Buffer.from(made));
  expect(made).toBe(stored.toString());
  const name = manifestName('acme', snapshotId(1_790_000_000_456));
  expect(parseManifest(stored, name)).toEqual(sampleManifest);
});

it('a manifest that says what was compared, of a restore point', () => {
  const made = encodeManifest(sampleConfirmedManifest);
  const stored = golden('manifest-confirmed.v1.json', Buffer.from(made));
  expect(made).toBe(stored.toString());
  expect(parseManifest(stored, restorePointManifestName('acme', 7))).toEqual(
    sampleConfirmedManifest,
  );
});

it('an erasure', () => {
  const made = encodeErasure(sampleErasure);
  const stored = golden('erasure.v1.json', Buffer.from(made));
  expect(made).toBe(stored.toString());
  expect(parseErasure(stored, erasureName('acme', 7))).toEqual(sampleErasure);
});
