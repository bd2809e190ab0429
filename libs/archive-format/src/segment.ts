import { subtle } from 'node:crypto';
import { createGunzip, createGzip } from 'node:zlib';
import { invariant } from '@entdb/base';
import type { ChainLink } from './chain.ts';
import type { SegmentChecksum } from './checksum.ts';
import { isObject } from './document.ts';
import type { Erasure } from './erasure.ts';
import { createErasureFinder } from './erasures-in.ts';
import { formatFault, type Place } from './faults.ts';
import {
  decodeLine,
  encodeLine,
  lineBytesMax,
  type ArchivedRecord,
  type LineProof,
} from './line.ts';
import { segmentDate, segmentName } from './names.ts';
import { createTally, type Tally, type TallyStart } from './tally.ts';

/**
 * A segment: the lines of consecutive records of one tenant, gzip (docs/formats/segment.md). Neither compression nor hashing runs on
 * the event loop. Equal lines give equal bytes with the same zlib; another zlib may pack them otherwise, so the checksum speaks of the
 * stored bytes, and whether two segments are the same is judged by their records (`compareSegments`).
 */

export interface EncodedSegment {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly checksum: SegmentChecksum;
  /** Of its records that erase the tenant: to be known before the checksum is. */
  readonly erasures: readonly Erasure[];
}

/**
 * Packs its lines as they come, and holds those that are not packed yet: `lineBytes` says when to cut. Whoever adds many lets the event loop have its turn from
 * time to time. One line has at most `lineBytesMax` bytes.
 */
export interface SegmentBuilder {
  readonly records: number;
  /** Before compression. */
  readonly lineBytes: number;
  /** How the bytes were proven. Breaks an invariant for a record that does not follow the one before. */
  add(record: ArchivedRecord): LineProof;
  /** Of at least one record. */
  finish(): Promise<EncodedSegment>;
}

const gzipLevel = 6;
/** Byte 9 of the header names the system; 255 is "unknown", so that it does not depend on where we run. The time (4-7) is 0. */
const gzipSystemByte = 9;
const gzipSystem = 255;
/** Of a UTF-16 unit. */
const utf8BytesMax = 3;
const inflateChunkBytes = 128 * 1024;
const lineFeed = 10;

/** Lines are handed to the packer in pieces of about so many bytes. */
const pieceBytes = 256 * 1024;

export function createSegmentBuilder(link: ChainLink): SegmentBuilder {
  const tally = createTally(link);
  const finder = createErasureFinder(link);
  const packer = createPacker();
  let records = 0;
  let lineBytes = 0;
  let piece = Buffer.allocUnsafeSlow(pieceBytes);
  let used = 0;
  const hand = (): void => {
    packer.add(piece.subarray(0, used));
    piece = Buffer.allocUnsafeSlow(pieceBytes);
    used = 0;
  };
  return {
    get records() {
      return records;
    },
    get lineBytes() {
      return lineBytes;
    },
    add: (record) => {
      const fault = tally.take(record);
      invariant(fault === undefined, `a segment of ${link.tenantId}: ${fault}`);
      const { line, proof } = encodeLine(link.tenantId, record);
      finder.take(record);
      records += 1;
      const bytesMax = line.length * utf8BytesMax + 1;
      if (used > 0 && used + bytesMax > pieceBytes) hand();
      if (bytesMax > piece.length) piece = Buffer.allocUnsafeSlow(bytesMax);
      const written = piece.write(line, used) + 1;
      used += written;
      lineBytes += written;
      piece[used - 1] = lineFeed;
      return proof;
    },
    finish: async () => {
      const counted = tally.read();
      invariant(counted, 'a segment has at least one record');
      hand();
      const bytes = await packer.finish();
      const checksum = await seal(link, counted, bytes);
      return { name: checksum.segment, bytes, checksum, erasures: finder.erasures };
    },
  };
}

interface Packer {
  add(piece: Uint8Array): void;
  finish(): Promise<Buffer>;
}

/** Packs on another thread while the lines of the next piece are made, if whoever makes them lets the event loop have its turn. */
function createPacker(): Packer {
  const stream = createGzip({ level: gzipLevel, chunkSize: pieceBytes });
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', resolve);
    stream.on('error', reject);
  });
  ended.catch(() => undefined); // it is awaited at the end
  return {
    add: (piece) => void stream.write(piece),
    finish: async () => {
      stream.end();
      await ended;
      const bytes = Buffer.concat(chunks);
      bytes[gzipSystemByte] = gzipSystem;
      return bytes;
    },
  };
}

export function encodeSegment(
  link: ChainLink,
  records: Iterable<ArchivedRecord>,
): Promise<EncodedSegment> {
  const builder = createSegmentBuilder(link);
  for (const record of records) builder.add(record);
  return builder.finish();
}

async function seal(link: ChainLink, tally: Tally, bytes: Uint8Array): Promise<SegmentChecksum> {
  const { tenantId, topic, partition, previous } = link;
  const segment = segmentName(tenantId, segmentDate(tally.firstTimeMs), tally.firstSequence);
  const sha256 = await sha256Of(bytes);
  return {
    tenantId,
    segment,
    sha256,
    bytes: bytes.byteLength,
    topic,
    partition,
    ...tally,
    previous,
  };
}

/** Whether these are the bytes that the checksum speaks of: what can be said without unpacking. Throws SEGMENT_CORRUPT. */
export async function checkSegmentBytes(
  bytes: Uint8Array,
  checksum: SegmentChecksum,
): Promise<void> {
  const place = { tenantId: checksum.tenantId, object: checksum.segment };
  if (bytes.byteLength !== checksum.bytes)
    throw formatFault(
      'SEGMENT_CORRUPT',
      place,
      `${bytes.byteLength} bytes, not ${checksum.bytes} as its checksum says`,
    );
  if ((await sha256Of(bytes)) !== checksum.sha256)
    throw formatFault('SEGMENT_CORRUPT', place, 'it does not match its checksum');
}

/**
 * The records, in some hundred at a time. The stored bytes are checked before the first is handed out; order, density and fields as
 * they come, and the counts at the end. Throws SEGMENT_CORRUPT or UNKNOWN_FORMAT with object and line.
 *
 * Memory: the stored bytes, 128 KiB of lines and their records, and one line.
 */
export async function* decodeSegment(
  bytes: Uint8Array,
  checksum: SegmentChecksum,
): AsyncGenerator<readonly ArchivedRecord[], void> {
  await checkSegmentBytes(bytes, checksum);
  const { tenantId, segment, firstSequence, partition } = checksum;
  const place = { tenantId, object: segment };
  const timeMsMin = checksum.previous ? checksum.firstTimeMs : 0;
  const start = { partition, firstSequence, offsetMin: checksum.firstOffset, timeMsMin };
  const tally = yield* readRecords(bytes, start, place);
  for (const field of tallied) {
    if (tally[field] !== checksum[field])
      throw formatFault(
        'SEGMENT_CORRUPT',
        place,
        `its ${field} is ${tally[field]}, not ${checksum[field]} as its checksum says`,
      );
  }
}

const tallied = [
  'records',
  'lastSequence',
  'firstOffset',
  'lastOffset',
  'firstTimeMs',
  'lastTimeMs',
] as const satisfies readonly (keyof Tally)[];

/**
 * The checksum that a stored segment without one ought to have, made from what it holds: the whole of it is read. Whether its records are
 * those of the log is not known from it. Throws SEGMENT_CORRUPT where it is damaged or does not join on at `link`.
 */
export async function describeSegment(
  bytes: Uint8Array,
  name: string,
  link: ChainLink,
): Promise<SegmentChecksum> {
  const place = { tenantId: link.tenantId, object: name };
  const reading = readRecords(bytes, link, place);
  let step = await reading.next();
  while (!step.done) step = await reading.next();
  const checksum = await seal(link, step.value, bytes);
  if (checksum.segment !== name)
    throw formatFault('SEGMENT_CORRUPT', place, `it holds what belongs into ${checksum.segment}`);
  return checksum;
}

export type SegmentComparison =
  | { readonly kind: 'same'; readonly records: number }
  /** All records of the shorter one are the first of the longer one. */
  | { readonly kind: 'prefix'; readonly longer: 'ours' | 'theirs'; readonly records: number }
  /** Line numbers count from 1. */
  | { readonly kind: 'different'; readonly line: number };

/**
 * Two segments that begin at the same link, record by record: what was found under a name beside what we would have put there. `theirs`
 * needs no checksum. Throws SEGMENT_CORRUPT where one is damaged.
 */
export async function compareSegments(
  link: ChainLink,
  name: string,
  { ours, theirs }: { readonly ours: Uint8Array; readonly theirs: Uint8Array },
): Promise<SegmentComparison> {
  const place = { tenantId: link.tenantId, object: name };
  const left = oneByOne(readRecords(ours, link, place));
  const right = oneByOne(readRecords(theirs, link, place));
  try {
    for (let records = 0; ; records += 1) {
      const [a, b] = [await left.next(), await right.next()];
      if (a.done && b.done) return { kind: 'same', records };
      if (a.done) return { kind: 'prefix', longer: 'theirs', records };
      if (b.done) return { kind: 'prefix', longer: 'ours', records };
      if (!isSame(a.value, b.value)) return { kind: 'different', line: records + 1 };
    }
  } finally {
    await Promise.all([left.return(), right.return()]);
  }
}

function isSame(a: ArchivedRecord, b: ArchivedRecord): boolean {
  return a.offset === b.offset && a.timeMs === b.timeMs && Buffer.compare(a.value, b.value) === 0;
}

async function* oneByOne(
  batches: AsyncIterable<readonly ArchivedRecord[]>,
): AsyncGenerator<ArchivedRecord, void> {
  for await (const batch of batches) yield* batch;
}

/** Returns the tally of what it has yielded. */
async function* readRecords(
  bytes: Uint8Array,
  start: TallyStart,
  place: Place,
): AsyncGenerator<readonly ArchivedRecord[], Tally> {
  const tally = createTally(start);
  let line = 0;
  for await (const lines of readLines(bytes, place)) {
    yield lines.map((text) => {
      line += 1;
      const record = decodeLine(text, { ...place, line });
      const fault = tally.take(record);
      if (fault !== undefined) throw formatFault('SEGMENT_CORRUPT', { ...place, line }, fault);
      return record;
    });
  }
  const counted = tally.read();
  if (!counted) throw formatFault('SEGMENT_CORRUPT', place, 'it has no line');
  return counted;
}

/** Unpacks chunk by chunk, and gives the lines that each one ends. */
async function* readLines(
  bytes: Uint8Array,
  place: Place,
): AsyncGenerator<readonly string[], void> {
  const gunzip = createGunzip({ chunkSize: inflateChunkBytes });
  gunzip.end(bytes);
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest: Buffer[] = [];
  let restBytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      const end = chunk.lastIndexOf(lineFeed) + 1;
      if (end > 0) {
        const whole = Buffer.concat([...rest, chunk.subarray(0, end - 1)]);
        yield utf8.decode(whole).split('\n');
        rest = [];
        restBytes = 0;
      }
      rest.push(chunk.subarray(end));
      restBytes += chunk.byteLength - end;
      if (restBytes > lineBytesMax)
        throw formatFault('SEGMENT_CORRUPT', place, `a line of more than ${lineBytesMax} bytes`);
    }
  } catch (cause) {
    if (!isUnpacking(cause)) throw cause;
    throw formatFault('SEGMENT_CORRUPT', place, 'it cannot be unpacked', cause);
  }
  if (restBytes > 0) throw formatFault('SEGMENT_CORRUPT', place, 'its last line has no end');
}

/** What zlib and the decoder of UTF-8 throw, and nothing of the consumer's. */
function isUnpacking(error: unknown): boolean {
  const code = isObject(error) ? error.code : undefined;
  return (
    typeof code === 'string' &&
    (code.startsWith('Z_') || code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
  );
}

async function sha256Of(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await subtle.digest('SHA-256', bytes)).toString('hex');
}
