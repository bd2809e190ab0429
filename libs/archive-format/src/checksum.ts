import { invariant } from '@entdb/base';
import { isCount, isObject, isSha256, isText, openDocument, sealDocument } from './document.ts';
import { formatFault } from './faults.ts';
import { checksumNameOf, parseObjectName, segmentDate } from './names.ts';

/**
 * What is known of a segment without reading it (docs/formats/checksum.md). Written after the segment: a segment without it is not
 * there. Times are running maxima of the tenant's log times, so that they never step back along the chain.
 */
export interface SegmentChecksum {
  readonly tenantId: string;
  /** The name of the segment's object. */
  readonly segment: string;
  /** Of the stored bytes, in lower-case hexadecimal. */
  readonly sha256: string;
  /** The number of stored bytes. */
  readonly bytes: number;
  readonly records: number;
  readonly topic: string;
  readonly partition: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  /** The segment before it; null at sequence 1 and nowhere else. */
  readonly previous: { readonly segment: string; readonly sha256: string } | null;
}

/** The object's text. Breaks an invariant where the checksum contradicts itself. */
export function encodeChecksum(checksum: SegmentChecksum): string {
  const contradiction = contradictionIn(checksum);
  invariant(contradiction === undefined, `a checksum: ${contradiction}`);
  return seal(checksum);
}

/** Throws SEGMENT_CORRUPT or UNKNOWN_FORMAT. `name` is the checksum object's own name. */
export function parseChecksum(bytes: Uint8Array, name: string): SegmentChecksum {
  const own = parseObjectName(name);
  invariant(own?.kind === 'checksum', `${name} names no checksum`);
  const place = { tenantId: own.tenantId, object: name };
  const corrupt = (what: string) => formatFault('SEGMENT_CORRUPT', place, what);
  const document = openDocument(bytes);
  if (document.kind === 'unknown-format')
    throw formatFault('UNKNOWN_FORMAT', place, `a checksum of format ${document.format}`);
  if (document.kind === 'corrupt') throw corrupt(document.reason);
  const checksum = readFields(document.fields);
  if (!checksum) throw corrupt('a field is missing or malformed');
  const contradiction = contradictionIn(checksum);
  if (contradiction !== undefined) throw corrupt(contradiction);
  if (checksumNameOf(checksum.segment) !== name) throw corrupt(`it is about ${checksum.segment}`);
  if (!Buffer.from(seal(checksum)).equals(bytes)) throw corrupt('it is not in its one form');
  return checksum;
}

function seal(checksum: SegmentChecksum): string {
  const { previous } = checksum;
  return sealDocument({
    tenant_id: checksum.tenantId,
    segment: checksum.segment,
    sha256: checksum.sha256,
    bytes: checksum.bytes,
    records: checksum.records,
    topic: checksum.topic,
    partition: checksum.partition,
    first_sequence: checksum.firstSequence,
    last_sequence: checksum.lastSequence,
    first_offset: checksum.firstOffset,
    last_offset: checksum.lastOffset,
    first_time_ms: checksum.firstTimeMs,
    last_time_ms: checksum.lastTimeMs,
    previous: previous && { segment: previous.segment, sha256: previous.sha256 },
  });
}

function readFields(fields: Readonly<Record<string, unknown>>): SegmentChecksum | undefined {
  const { tenant_id: tenantId, segment, sha256, bytes, records, topic, partition } = fields;
  const { first_sequence: firstSequence, last_sequence: lastSequence } = fields;
  const { first_offset: firstOffset, last_offset: lastOffset } = fields;
  const { first_time_ms: firstTimeMs, last_time_ms: lastTimeMs } = fields;
  const previous = fields.previous === null ? null : readLink(fields.previous);
  if (!isText(tenantId) || !isText(segment) || !isText(topic) || !isSha256(sha256))
    return undefined;
  if (!isCount(bytes) || !isCount(records) || !isCount(partition)) return undefined;
  if (!isCount(firstSequence) || !isCount(lastSequence)) return undefined;
  if (!isCount(firstOffset) || !isCount(lastOffset)) return undefined;
  if (!isCount(firstTimeMs) || !isCount(lastTimeMs)) return undefined;
  if (previous === undefined) return undefined;
  return {
    tenantId,
    segment,
    sha256,
    bytes,
    records,
    topic,
    partition,
    firstSequence,
    lastSequence,
    firstOffset,
    lastOffset,
    firstTimeMs,
    lastTimeMs,
    previous,
  };
}

function readLink(json: unknown): SegmentChecksum['previous'] | undefined {
  if (!isObject(json)) return undefined;
  const { segment, sha256 } = json;
  return isText(segment) && isSha256(sha256) ? { segment, sha256 } : undefined;
}

/** What in it cannot be true, if anything. */
function contradictionIn(checksum: SegmentChecksum): string | undefined {
  const { segment, records, firstSequence, lastSequence, previous } = checksum;
  const own = parseObjectName(segment);
  if (own?.kind !== 'segment') return `${segment} names no segment`;
  if (own.tenantId !== checksum.tenantId) return `${segment} is not of ${checksum.tenantId}`;
  if (own.firstSequence !== firstSequence) return `${segment} does not begin at ${firstSequence}`;
  if (own.date !== segmentDate(checksum.firstTimeMs)) return `${segment} is of another day`;
  if (records < 1 || lastSequence - firstSequence + 1 !== records)
    return `${firstSequence} to ${lastSequence} are not ${records} records`;
  if (checksum.lastOffset - checksum.firstOffset + 1 < records) return 'it has too few offsets';
  if (checksum.lastTimeMs < checksum.firstTimeMs) return 'its time runs backwards';
  if ((previous === null) !== (firstSequence === 1))
    return 'the first segment of a tenant, and no other, has none before it';
  if (previous === null) return undefined;
  const before = parseObjectName(previous.segment);
  if (before?.kind !== 'segment' || before.tenantId !== checksum.tenantId)
    return `${previous.segment} is no segment of ${checksum.tenantId}`;
  return before.firstSequence < firstSequence
    ? undefined
    : `${previous.segment} is not before ${segment}`;
}
