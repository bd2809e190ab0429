import { EntError } from '@entdb/base';
import type { AppendRecord, LaneLimits } from './wal.ts';

/** What key and headers of one record may take together: with the largest value it still fits a Kafka message. */
const attributeBytesMax = 64 * 1024;
/** What the log adds to a record (lengths, offset and time deltas), at the most. */
const framingBytes = 32;
const retryAfterMs = 50;

/** What a record counts against the limits of a lane. */
export function recordBytes(record: AppendRecord): number {
  return framingBytes + record.value.byteLength + attributeBytes(record);
}

function attributeBytes({ key, headers }: AppendRecord): number {
  let bytes = Buffer.byteLength(key);
  if (!headers) return bytes;
  for (const name in headers) {
    bytes += framingBytes + Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  }
  return bytes;
}

interface Admission {
  readonly name: string;
  readonly records: readonly AppendRecord[];
  readonly bytes: number;
  readonly pending: { readonly records: number; readonly bytes: number };
  readonly limits: LaneLimits;
}

/** Pure: why a call may not enter the queue. What can never be written is told apart from what may be tried again. */
export function refusal({
  name,
  records,
  bytes,
  pending,
  limits,
}: Admission): EntError | undefined {
  if (records.length === 0) {
    return new EntError('INVALID_ARGUMENT', `an append to ${name} has no record`, {
      field: 'records',
    });
  }
  for (const [index, record] of records.entries()) {
    const fault = recordFault(record, index, limits);
    if (fault) return fault;
  }
  // A call stands together in the log, so it must fit one batch. One record alone always does.
  const callRecordsMax = Math.min(limits.batchRecordsMax, limits.pendingRecordsMax);
  const callBytesMax = Math.min(
    records.length === 1 ? Infinity : limits.batchBytesMax,
    limits.pendingBytesMax,
  );
  if (records.length > callRecordsMax || bytes > callBytesMax) {
    return new EntError(
      'RECORD_TOO_LARGE',
      `an append to ${name} has ${records.length} records and ${bytes} bytes; one call may have ${callRecordsMax} and ${callBytesMax}`,
      { field: 'records', hint: 'split it into several calls' },
    );
  }
  if (
    pending.records + records.length > limits.pendingRecordsMax ||
    pending.bytes + bytes > limits.pendingBytesMax
  ) {
    return new EntError(
      'RESOURCE_EXHAUSTED',
      `lane ${name} is full: ${pending.records} records and ${pending.bytes} bytes wait`,
      { retryAfterMs },
    );
  }
  return undefined;
}

function recordFault(
  record: AppendRecord,
  index: number,
  limits: LaneLimits,
): EntError | undefined {
  const field = () => `records[${index}]`; // asked for by errors only
  if (record.value.byteLength > limits.recordBytesMax) {
    return new EntError(
      'RECORD_TOO_LARGE',
      `${field()} has a value of ${record.value.byteLength} bytes; it may have ${limits.recordBytesMax}`,
      { field: `${field()}.value` },
    );
  }
  const attributes = attributeBytes(record);
  if (attributes > attributeBytesMax) {
    return new EntError(
      'RECORD_TOO_LARGE',
      `${field()} has ${attributes} bytes of key and headers; it may have ${attributeBytesMax}`,
      { field: `${field()}.key` },
    );
  }
  if (!isWellFormed(record)) {
    return new EntError(
      'INVALID_ARGUMENT',
      `${field()} has a key or header that is not well-formed text`,
      {
        field: `${field()}.key`,
      },
    );
  }
  return undefined;
}

function isWellFormed({ key, headers }: AppendRecord): boolean {
  if (!key.isWellFormed()) return false;
  return (
    headers === undefined ||
    Object.entries(headers)
      .flat()
      .every((text) => text.isWellFormed())
  );
}
