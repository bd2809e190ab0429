import { EntError } from '@entdb/base';
import type { Position as WirePosition } from './gen/entdb/v1/value_pb.ts';

/** A place in a tenant's history, inside a process. `epoch` is 0 where it is not known. */
export interface LogPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly epoch: number;
}

export function positionToWire(position: LogPosition): WirePosition {
  return {
    $typeName: 'entdb.v1.Position',
    topic: position.topic,
    partition: position.partition,
    offset: BigInt(position.offset),
    epoch: BigInt(position.epoch),
  };
}

/** Throws INVALID_POSITION where a number is negative or beyond 2^53. */
export function positionFromWire(position: WirePosition): LogPosition {
  const offset = Number(position.offset);
  const epoch = Number(position.epoch);
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(epoch)) {
    throw new EntError('INVALID_POSITION', `offset ${position.offset} is not a place in a log`, {
      hint: 'send back a position as it was received',
    });
  }
  return { topic: position.topic, partition: position.partition, offset, epoch };
}
