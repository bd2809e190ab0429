import { isEntError } from '@entdb/base';
import { statusTopic, type Wal } from '@entdb/wal';
import type { FleetMap } from './fleet-map.ts';
import { hearStatus } from './hear-status.ts';
import { patiently, type Patience } from './patiently.ts';

/**
 * Listens to entdb-status from its end on, until the signal. A record that cannot be read is passed over, and so are records that the
 * topic no longer has: only the latest word counts. Rejects for faults that do not pass, such as a topic that is missing.
 */
export async function followFleet(
  options: Patience & { readonly wal: Wal; readonly map: FleetMap },
): Promise<void> {
  const { wal, map, logger, signal } = options;

  const listen = async (): Promise<void> => {
    const { endOffset } = await wal.bounds(statusTopic, 0);
    await wal.consume({
      topic: statusTopic,
      from: new Map([[0, endOffset]]),
      signal,
      onBatch: async (batch) => {
        for (const record of batch.records) hearStatus(map, record, logger);
      },
    });
  };

  while (!signal.aborted) {
    try {
      await patiently('listening to the fleet', listen, options);
    } catch (error) {
      if (signal.aborted) return;
      if (!isEntError(error) || error.status !== 'data_loss') throw error;
      logger.warn({ err: error }, 'status records were missed');
    }
  }
}
