import { EntError, isEntError, type Clock } from '@entdb/base';
import {
  decodeResultRecord,
  encodeWalRecord,
  errorFromDetail,
  positionFromWire,
  resultFromJson,
  restoreRequestHash,
  type LogPosition,
  type ResultRecord,
  type TenantRestored,
} from '@entdb/contracts';
import { resultsTopic, type LogRecord, type Wal } from '@entdb/wal';

export interface PutRestore {
  readonly wal: Wal;
  readonly clock: Clock;
  readonly tenantId: string;
  readonly key: string;
  readonly restored: TenantRestored;
  /** Of the tenant: its partition of entdb-wal, and that of entdb-results where the verdict is wanted. */
  readonly place: { readonly topic: string; readonly partition: number };
  /** Until the verdict. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

/** The verdict of the appliers: the tenant goes on from the restored state. */
export interface AppliedRestore {
  /** Of the record; of the first one with this key where it was a retry. Its epoch is the new one. */
  readonly position: LogPosition;
  readonly appliedAtUs: number;
}

/**
 * Writes the one record, and waits until an applier has said what became of it. Throws the stored rejection; OUTCOME_UNKNOWN where the log did not answer, and
 * DEADLINE_EXCEEDED where nobody told a verdict in time: the same call with the same key settles both.
 */
export async function putOnLog(put: PutRestore): Promise<AppliedRestore> {
  const { wal, place, tenantId, key } = put;
  const { endOffset } = await wal.bounds(resultsTopic, place.partition);
  const lane = await wal.openLane(place.topic, place.partition);
  let position: LogPosition;
  try {
    const { baseOffset } = await lane.append([{ key: tenantId, value: recordOf(put) }]);
    position = { ...place, offset: baseOffset, epoch: 0 };
  } catch (error) {
    if (!isEntError(error, 'OUTCOME_UNKNOWN')) throw error;
    throw new EntError(
      'OUTCOME_UNKNOWN',
      `the record of the restore may or may not be on the log: ${error.message}`,
      {
        tenantId,
        cause: error,
        hint: `run the same command again with --key ${key}: it is restored once`,
      },
    );
  } finally {
    await lane.close();
  }
  return appliedOf(await verdictOn(put, position, endOffset), position);
}

function recordOf({ tenantId, key, restored, place }: PutRestore): Uint8Array {
  return encodeWalRecord({
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: key,
    requestHash: restoreRequestHash(tenantId, {
      sequence: Number(restored.sequence),
      offset: Number(restored.position?.offset ?? 0n),
    }),
    actor: 'entdb restore',
    schemaFingerprint: '',
    autoCreate: false,
    results: { $typeName: 'entdb.v1.ResultsAddress', partition: place.partition },
    body: { case: 'tenantRestored', value: restored },
  });
}

async function verdictOn(
  { wal, clock, tenantId, key, place, waitMs, signal }: PutRestore,
  position: LogPosition,
  fromOffset: number,
): Promise<ResultRecord> {
  const done = new AbortController();
  const signals = signal ? [signal, done.signal] : [done.signal];
  let verdict: ResultRecord | undefined;
  const late = clock.sleep(waitMs, done.signal).then(
    () => done.abort(),
    () => undefined, // it came in time
  );
  await wal.consume({
    topic: resultsTopic,
    from: new Map([[place.partition, fromOffset]]),
    signal: AbortSignal.any(signals),
    onBatch: async ({ records }) => {
      verdict ??= records
        .filter((record) => record.key === tenantId)
        .map(readVerdict)
        .find((result) => result !== undefined && isAbout(result, key, position));
      if (verdict) done.abort();
    },
  });
  done.abort();
  await late;
  signal?.throwIfAborted();
  if (verdict) return verdict;
  throw new EntError(
    'DEADLINE_EXCEEDED',
    `the record of the restore is on the log, and no applier has told its verdict within ${waitMs / 1000} s`,
    {
      tenantId,
      position,
      hint: `see whether the tenant's applier runs; then run the same command again with --key ${key}: it is restored once`,
    },
  );
}

/** One that cannot be read is nobody's verdict: whoever waits for it runs into the deadline, and asks again by the key. */
function readVerdict({ key, value }: LogRecord): ResultRecord | undefined {
  try {
    return decodeResultRecord(key, value);
  } catch (error) {
    if (isEntError(error)) return undefined;
    throw error;
  }
}

function isAbout(
  { idempotencyKey, askedAt }: ResultRecord,
  key: string,
  { topic, partition, offset }: LogPosition,
): boolean {
  if (idempotencyKey !== key || !askedAt) return false;
  const at = positionFromWire(askedAt);
  return at.topic === topic && at.partition === partition && at.offset === offset;
}

function appliedOf({ tenantId, verdict }: ResultRecord, askedAt: LogPosition): AppliedRestore {
  if (verdict.case === 'error') {
    const { code, message, facts } = errorFromDetail(verdict.value);
    throw new EntError(code, message, { position: askedAt, ...facts, tenantId });
  }
  if (verdict.case !== 'resultJson')
    throw new EntError(
      'UNKNOWN_FORMAT',
      'the verdict is of a kind that this program does not know',
      {
        tenantId,
        position: askedAt,
        hint: 'use the command line of the version that the appliers run',
      },
    );
  const { position, appliedAtUs, outcome } = resultFromJson(verdict.value, tenantId);
  if (outcome.case === 'rejected') {
    const { code, message, facts } = errorFromDetail(outcome.value);
    throw new EntError(code, message, { position: askedAt, ...facts, tenantId });
  }
  if (!position)
    throw new EntError('STORE_CORRUPT', 'the stored verdict names no position', { tenantId });
  return { position: positionFromWire(position), appliedAtUs: Number(appliedAtUs) };
}
