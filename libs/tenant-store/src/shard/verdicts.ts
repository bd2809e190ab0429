import { EntError } from '@entdb/base';
import {
  encodeResultRecord,
  errorToDetail,
  positionToWire,
  type ResultRecord,
} from '@entdb/contracts';
import type { ApplyOutcome, PlacedRecord } from '../store.ts';

/** A verdict that was asked for, ready to be published. */
export interface PublishedVerdict {
  /** Of entdb-results. */
  readonly partition: number;
  readonly tenantId: string;
  /** Log-append time of the record that asked: nobody waits for ever. */
  readonly askedAtMs: number;
  readonly value: Uint8Array;
}

/** The verdict on a record, if it asks for one. */
export function verdictOn(
  { record, topic, partition, timeMs }: PlacedRecord,
  outcome: ApplyOutcome,
): readonly PublishedVerdict[] {
  if (!record.results) return [];
  const message: ResultRecord = {
    $typeName: 'entdb.v1.ResultRecord',
    tenantId: record.tenantId,
    idempotencyKey: record.idempotencyKey,
    askedAt: positionToWire({ topic, partition, offset: outcome.offset, epoch: 0 }),
    verdict:
      outcome.kind === 'refused'
        ? { case: 'error', value: errorToDetail(outcome.error) }
        : { case: 'resultJson', value: outcome.resultJson },
  };
  return [
    {
      partition: record.results.partition,
      tenantId: record.tenantId,
      askedAtMs: timeMs,
      value: encodeResultRecord(message),
    },
  ];
}

/** What is said to whoever asks for the verdict on a record that a tenant standing still has not judged: it is in the log, and not lost. */
export function notJudged(placed: PlacedRecord, reason: string): readonly PublishedVerdict[] {
  const { tenantId } = placed.record;
  const error = new EntError('TENANT_QUARANTINED', `tenant ${tenantId} stands still: ${reason}`, {
    tenantId,
    retryAfterMs: 5_000,
    hint: 'retry with the same idempotency key',
  });
  return verdictOn(placed, { kind: 'refused', offset: placed.offset, error });
}
