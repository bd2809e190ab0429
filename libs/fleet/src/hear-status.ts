import { isEntError, toError, type Logger } from '@entdb/base';
import { decodeStatusRecord } from '@entdb/contracts';
import type { LogRecord } from '@entdb/wal';
import type { FleetMap } from './fleet-map.ts';

/**
 * Gives a record of entdb-status to the map. What cannot be read is passed over: it carries no state, and the next word of that instance is a second
 * away. A service of a newer version may say what this one does not know, once a second and with every right: that is no warning.
 */
export function hearStatus(
  map: Pick<FleetMap, 'hear'>,
  { key, value, offset }: Pick<LogRecord, 'key' | 'value' | 'offset'>,
  logger: Logger,
): void {
  try {
    map.hear(decodeStatusRecord(key, value));
  } catch (error) {
    const facts = { offset, instance: key, err: toError(error) };
    if (isEntError(error, 'UNKNOWN_FORMAT'))
      logger.debug(facts, 'a status record of a kind that this version does not know');
    else logger.warn(facts, 'a status record cannot be read');
  }
}
