import { EntError } from '@entdb/base';
import { walTopic } from '@entdb/wal';

/** The log begins after what must come next; `because`: why it cannot be had elsewhere. */
export function logStartPassed(
  partition: number,
  wanted: number,
  startOffset: number,
  because: string,
): EntError {
  return new EntError(
    'LOG_START_PASSED',
    `partition ${partition} of ${walTopic} begins at offset ${startOffset}, and ${wanted} must come next; ${because}`,
    {
      position: { topic: walTopic, partition, offset: wanted },
      hint: 'the records in between are in neither log nor archive: copy the store folder of a replica that has them; see docs/errors/LOG_START_PASSED.md',
    },
  );
}
