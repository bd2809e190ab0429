import { EntError } from '@entdb/base';
import { walTopic } from '@entdb/wal';

/** The log begins after what must come next. */
export function logStartPassed(partition: number, wanted: number, startOffset: number): EntError {
  return new EntError(
    'LOG_START_PASSED',
    `partition ${partition} of ${walTopic} begins at offset ${startOffset}, and ${wanted} must come next`,
    {
      position: { topic: walTopic, partition, offset: wanted },
      hint: 'the records in between are no longer in the log: bring this volume back from a snapshot and the archive',
    },
  );
}
