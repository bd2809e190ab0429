import { isEntError, type Logger } from '@entdb/base';
import { statusTopic, type Wal } from '@entdb/wal';
import type { FleetMap } from './fleet-map.ts';
import { hearStatus } from './hear-status.ts';

/** Listens to entdb-status from its end on, until the signal. A record that cannot be read is passed over: it carries no state. */
export async function followFleet(options: {
  readonly wal: Wal;
  readonly map: FleetMap;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { wal, map, logger, signal } = options;
  while (!signal.aborted) {
    const { endOffset } = await wal.bounds(statusTopic, 0);
    try {
      await wal.consume({
        topic: statusTopic,
        from: new Map([[0, endOffset]]),
        signal,
        onBatch: async (batch) => {
          for (const record of batch.records) hearStatus(map, record, logger);
        },
      });
    } catch (error) {
      // Whoever was away for longer than the topic is kept starts again at its end: only the latest word counts.
      if (!isEntError(error, 'LOG_START_PASSED')) throw error;
      logger.warn({ err: error }, 'status records were missed');
    }
  }
}
