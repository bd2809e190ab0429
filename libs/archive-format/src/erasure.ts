import { invariant } from '@entdb/base';
import { isCount, isText, openDocument, sealDocument } from './document.ts';
import { formatFault } from './faults.ts';
import { erasureName, parseObjectName } from './names.ts';

/**
 * That a record erased its tenant (docs/formats/erasure.md). Nothing from before it comes back by any restore, and a plan must know that without reading the archive: so
 * it is written before the checksum of the segment that holds the record, and never removed.
 */
export interface Erasure {
  readonly tenantId: string;
  /** Of the record that erases. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly sequence: number;
  /** The running maximum of the tenant's log times at the record. */
  readonly timeMs: number;
  /** The epoch that ended; null where the writer did not know it. */
  readonly epoch: number | null;
}

/** The object's text. Breaks an invariant where the erasure contradicts itself. */
export function encodeErasure(erasure: Erasure): string {
  const contradiction = contradictionIn(erasure);
  invariant(contradiction === undefined, `an erasure: ${contradiction}`);
  return seal(erasure);
}

/** Throws OBJECT_CORRUPT or UNKNOWN_FORMAT. `name` is the object's own name. */
export function parseErasure(bytes: Uint8Array, name: string): Erasure {
  const own = parseObjectName(name);
  invariant(own?.kind === 'erasure', `${name} names no erasure`);
  const place = { tenantId: own.tenantId, object: name };
  const corrupt = (what: string) => formatFault('OBJECT_CORRUPT', place, what);
  const document = openDocument(bytes);
  if (document.kind === 'unknown-format')
    throw formatFault('UNKNOWN_FORMAT', place, `an erasure of format ${document.format}`);
  if (document.kind === 'corrupt') throw corrupt(document.reason);
  const erasure = readFields(document.fields);
  if (!erasure) throw corrupt('a field is missing or malformed');
  const contradiction = contradictionIn(erasure);
  if (contradiction !== undefined) throw corrupt(contradiction);
  const { tenantId, sequence } = erasure;
  if (erasureName(tenantId, sequence) !== name)
    throw corrupt(`it is about record ${sequence} of tenant ${tenantId}`);
  if (!Buffer.from(seal(erasure)).equals(bytes)) throw corrupt('it is not in its one form');
  return erasure;
}

function seal({ tenantId, topic, partition, offset, sequence, timeMs, epoch }: Erasure): string {
  return sealDocument({
    tenant_id: tenantId,
    topic,
    partition,
    offset,
    sequence,
    time_ms: timeMs,
    epoch,
  });
}

function readFields(fields: Readonly<Record<string, unknown>>): Erasure | undefined {
  const { tenant_id: tenantId, topic, partition, offset, sequence, time_ms: timeMs } = fields;
  const { epoch } = fields;
  if (!isText(tenantId) || !isText(topic) || !isCount(partition)) return undefined;
  if (!isCount(offset) || !isCount(sequence) || !isCount(timeMs)) return undefined;
  if (epoch !== null && !isCount(epoch)) return undefined;
  return { tenantId, topic, partition, offset, sequence, timeMs, epoch };
}

/** What in it cannot be true, if anything. */
function contradictionIn({ sequence, offset, epoch }: Erasure): string | undefined {
  if (sequence < 1 || sequence > offset + 1)
    return `record ${sequence} of the tenant cannot stand at offset ${offset}`;
  if (epoch === 0) return 'no tenant was there in epoch 0';
  return undefined;
}
