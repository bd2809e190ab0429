import { toError, type Clock, type Logger } from '@entdb/base';
import { encodeStatusRecord, type StatusRecord } from '@entdb/contracts';
import { statusTopic, type Lane, type Wal } from '@entdb/wal';

/** Tells the fleet; one word at a time, and only the latest counts: what cannot be said now is not said later. */
export interface Voice {
  say(status: StatusRecord['status']): Promise<void>;
  close(): Promise<void>;
}

/** The voice of an instance that has nobody else to speak through. What it fails to say is logged. */
export function createVoice(options: {
  readonly wal: Pick<Wal, 'openLane'>;
  /** Of which kind it is: "archiver", "snapshotter". */
  readonly service: string;
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Voice {
  const { wal, service, instance, clock, logger } = options;
  let lane: Lane | undefined;
  const quit = async (): Promise<void> => {
    const left = lane;
    lane = undefined;
    await left?.close();
  };
  return {
    async say(status) {
      const record: StatusRecord = {
        $typeName: 'entdb.v1.StatusRecord',
        service,
        instance,
        atUs: BigInt(Math.round(clock.now() * 1000)),
        status,
      };
      try {
        lane ??= await wal.openLane(statusTopic, 0);
        await lane.append([{ key: instance, value: encodeStatusRecord(record) }]);
      } catch (error) {
        logger.warn({ err: toError(error) }, 'the fleet cannot be told; trying again');
        await quit();
      }
    },
    close: quit,
  };
}
