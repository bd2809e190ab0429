import type { PlacedRecord } from '../store.ts';
import type { Progress } from '../sqlite/tenant-file.ts';

/**
 * Where a file stands after a record, whatever becomes of it. An erasure counts even where its verdict is a repeat or a rejection: the archive names it without knowing the
 * verdict, and the two must agree on what can come back.
 */
export function progressAfter(
  { state, epoch, sequence, log_time_us, erased_sequence }: Progress,
  { record: { body }, topic, partition, offset, timeMs }: PlacedRecord,
): Progress {
  const erases = body.case === 'tenantDeleted' && body.value.erase;
  return {
    state,
    topic,
    partition,
    offset,
    epoch,
    sequence: sequence + 1,
    log_time_us: Math.max(log_time_us, timeMs * 1000),
    erased_sequence: erases ? sequence + 1 : erased_sequence,
  };
}
