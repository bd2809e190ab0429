import { parseIdempotencyKey } from '@entdb/base';
import { positionToWire } from '@entdb/contracts';
import { makeRestorePoint, type LogAtHand, type Point } from '@entdb/snapshot';
import { logAtHand, type InPlacePreview, type InPlaceRequest } from './preview.ts';
import { putOnLog } from './put-on-log.ts';

/** What makes a preview an order. */
export interface InPlaceOrder extends InPlaceRequest {
  /** Of the record: with the same key it is restored once, however often it is tried. */
  readonly key: string;
  /** The epoch in which it was decided on; that of the preview where it is not said. */
  readonly expectedEpoch?: number;
  /** For the verdict. */
  readonly waitMs: number;
}

/** What became of it. */
export interface InPlaceReport {
  readonly tenantId: string;
  readonly key: string;
  /** The one that has begun. */
  readonly epoch: number;
  /** Of the record on the log. */
  readonly position: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  };
  /** The state that the tenant has again, and its proof. */
  readonly restored: Point;
  readonly digests: InPlacePreview['digests'];
  /** The tenant's records up to and with this one; null where the key was used before: the restore had been done then. */
  readonly records: number | null;
  /** Written between the preview and the record: they are undone, too. */
  readonly undoneUnseen: number;
  readonly objectPrefix: string;
}

/**
 * Does what the preview says: files and manifest as objects, one record on the log, and the verdict. Throws what `putOnLog` throws; PRECONDITION_FAILED as the stored
 * verdict where somebody restored the tenant meanwhile.
 */
export async function restoreInPlace(
  order: InPlaceOrder,
  preview: InPlacePreview,
): Promise<InPlaceReport> {
  const { places, clock, rng, tenantId, workDir, waitMs, signal } = order;
  const key = parseIdempotencyKey(order.key);
  const log = logAtHand(places, tenantId);
  await places.assertTopicsSafe();
  const call = signal ? { signal } : {};
  const { target, digests } = preview;
  const point = await makeRestorePoint({
    store: places.store,
    clock,
    rng,
    tenantId,
    target: { kind: 'sequence', sequence: target.sequence, inclusive: true },
    log,
    workDir,
    expected: digests,
    ...call,
  });
  const place = { topic: log.topic, partition: log.partition };
  const { position } = await putOnLog({
    wal: log.wal,
    clock,
    tenantId,
    key,
    place,
    waitMs,
    ...call,
    restored: {
      $typeName: 'entdb.v1.TenantRestored',
      position: positionToWire(point.position),
      sequence: BigInt(point.sequence),
      canonicalDigest: point.canonicalDigest,
      mailboxDigest: point.mailboxDigest,
      objectPrefix: point.objectPrefix,
      manifestSha256: point.manifestSha256,
      expectedEpoch: BigInt(order.expectedEpoch ?? preview.epoch),
    },
  });
  const isRepeat = position.offset <= preview.now.offset;
  const unseen = isRepeat ? 0 : (await recordsUpTo(log, preview, position.offset, signal)) - 1;
  return {
    tenantId,
    key,
    epoch: position.epoch,
    position: { topic: position.topic, partition: position.partition, offset: position.offset },
    restored: target,
    digests,
    records: isRepeat ? null : preview.now.sequence + unseen + 1,
    undoneUnseen: unseen,
    objectPrefix: point.objectPrefix,
  };
}

/** The tenant's records on the log from where the preview saw its end, up to and with this one. */
async function recordsUpTo(
  { wal, topic, partition }: LogAtHand,
  { tenantId, now }: InPlacePreview,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const done = new AbortController();
  let records = 0;
  await wal.consume({
    topic,
    from: new Map([[partition, now.offset + 1]]),
    signal: signal ? AbortSignal.any([signal, done.signal]) : done.signal,
    onBatch: async (batch) => {
      records += batch.records.filter((one) => one.key === tenantId && one.offset <= offset).length;
      if ((batch.records.at(-1)?.offset ?? -1) >= offset) done.abort();
    },
  });
  signal?.throwIfAborted();
  return records;
}

/** What takes it back: the state right before the record, by the same command. */
export const undoWords = ({ tenantId, position }: InPlaceReport): string =>
  `entdb restore in-place --tenant-id ${tenantId} --target-position ${position.offset} --exclusive --yes`;
