/**
 * Method: every bit of every byte of a small segment, its checksum object, a manifest, a restore point's manifest and an erasure is flipped in turn, and each is cut short at every
 * byte. Each damage must end in a named error. A segment is also read without its checksum, as one that an archiver finds after a crash:
 * there a flip may stay unseen only where it has no meaning, that is where the records that come out are the same.
 */
import { isEntError, type ErrorCode } from '@entdb/base';
import { firstLink } from './chain.ts';
import { encodeChecksum, parseChecksum } from './checksum.ts';
import { encodeErasure, parseErasure } from './erasure.ts';
import { encodeManifest, parseManifest } from './manifest.ts';
import {
  checksumNameOf,
  erasureName,
  manifestName,
  restorePointManifestName,
  snapshotId,
} from './names.ts';
import { compareSegments, decodeSegment, encodeSegment } from './segment.ts';
import {
  sampleConfirmedManifest,
  sampleErasure,
  sampleManifest,
  sampleRecords,
} from './testing/samples.ts';

const link = firstLink({ tenantId: 'acme', topic: 'entdb-wal', partition: 5 });
const segment = encodeSegment(link, sampleRecords);
const table: Record<string, Record<string, number>> = {};
afterAll(() => console.table(table));

type Verdict = ErrorCode | 'unseen' | 'without meaning';

function* flips(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const copy = Uint8Array.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ (1 << bit);
      yield copy;
    }
  }
}

function* cuts(bytes: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length += 1) yield bytes.slice(0, length);
}

/** Counts what becomes of each damage. Anything but a named error or a verdict is a defect, and fails the test. */
async function judge(
  what: string,
  damaged: Iterable<Uint8Array>,
  read: (bytes: Uint8Array) => Verdict | Promise<Verdict>,
): Promise<readonly Verdict[]> {
  const counts: Record<string, number> = {};
  for (const bytes of damaged) {
    let verdict: Verdict;
    try {
      verdict = await read(bytes);
    } catch (error) {
      if (!isEntError(error)) throw error;
      verdict = error.code;
    }
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  table[what] = counts;
  return Object.keys(counts) as Verdict[]; // made of verdicts only
}

describe.each([
  ['flipped', flips],
  ['cut short', cuts],
] as const)('%s', (how, damages) => {
  it('a segment under its checksum', async () => {
    const { bytes, checksum } = await segment;
    const verdicts = await judge(
      `segment, ${how}`,
      damages(bytes),
      async (damaged): Promise<Verdict> => {
        for await (const _ of decodeSegment(damaged, checksum));
        return 'unseen';
      },
    );
    expect(verdicts).toEqual(['SEGMENT_CORRUPT']);
  });

  it('a segment without its checksum', async () => {
    const { bytes, name } = await segment;
    const verdicts = await judge(
      `segment alone, ${how}`,
      damages(bytes),
      async (theirs): Promise<Verdict> => {
        const { kind } = await compareSegments(link, name, { ours: bytes, theirs });
        return kind === 'same' ? 'without meaning' : 'unseen';
      },
    );
    expect(new Set(verdicts)).toEqual(
      new Set(how === 'flipped' ? ['SEGMENT_CORRUPT', 'without meaning'] : ['SEGMENT_CORRUPT']),
    );
  });

  it('a checksum', async () => {
    const { checksum, name } = await segment;
    const bytes = Buffer.from(encodeChecksum(checksum));
    const verdicts = await judge(`checksum, ${how}`, damages(bytes), (damaged) => {
      parseChecksum(damaged, checksumNameOf(name));
      return 'unseen';
    });
    expect(verdicts).toEqual(['SEGMENT_CORRUPT']);
  });

  it('a manifest', async () => {
    const bytes = Buffer.from(encodeManifest(sampleManifest));
    const name = manifestName('acme', snapshotId(1_790_000_000_456));
    const verdicts = await judge(`manifest, ${how}`, damages(bytes), (damaged) => {
      parseManifest(damaged, name);
      return 'unseen';
    });
    expect(verdicts).toEqual(['SNAPSHOT_CORRUPT']);
  });

  it('a manifest of a restore point', async () => {
    const bytes = Buffer.from(encodeManifest(sampleConfirmedManifest));
    const name = restorePointManifestName('acme', 7);
    const verdicts = await judge(`restore point, ${how}`, damages(bytes), (damaged) => {
      parseManifest(damaged, name);
      return 'unseen';
    });
    expect(verdicts).toEqual(['SNAPSHOT_CORRUPT']);
  });

  it('an erasure', async () => {
    const bytes = Buffer.from(encodeErasure(sampleErasure));
    const verdicts = await judge(`erasure, ${how}`, damages(bytes), (damaged) => {
      parseErasure(damaged, erasureName('acme', 7));
      return 'unseen';
    });
    expect(verdicts).toEqual(['OBJECT_CORRUPT']);
  });
});
