import { EntError } from '@entdb/base';
import type { Batch, IHeaders, KafkaMessage } from 'kafkajs';
import type { LogRecord } from '../wal.ts';

/**
 * What of a fetched batch has not been delivered yet, given the offset that must come next. Pure. kafkajs may fetch again what
 * it has delivered (after a rejoin), so earlier records are left out; a hole is LOG_GAP: nothing is ever skipped.
 */
export function undelivered(
  batch: Pick<Batch, 'topic' | 'partition' | 'messages'>,
  next: number,
): readonly LogRecord[] {
  const { topic, partition } = batch;
  const records: LogRecord[] = [];
  for (const message of batch.messages) {
    const offset = Number(message.offset);
    if (offset < next) continue;
    const expected = next + records.length;
    if (offset !== expected) throw gap(topic, partition, expected, offset);
    records.push(recordOf(topic, partition, offset, message));
  }
  return records;
}

function gap(topic: string, partition: number, expected: number, found: number): EntError {
  return new EntError(
    'LOG_GAP',
    `${topic}/${partition} goes on at offset ${found} where ${expected} must come next`,
    {
      position: { topic, partition, offset: expected },
      hint: 'compacted topic, transactional writer, or records deleted: restore from the archive',
    },
  );
}

const empty = Buffer.alloc(0);

function recordOf(
  topic: string,
  partition: number,
  offset: number,
  message: KafkaMessage,
): LogRecord {
  return {
    topic,
    partition,
    offset,
    timeMs: Number(message.timestamp),
    key: message.key?.toString() ?? '',
    value: message.value ?? empty,
    headers: headersOf(message.headers),
  };
}

const noHeaders: Readonly<Record<string, string>> = {};

/** Text for text; of a header that stands several times, the last one. */
function headersOf(headers: IHeaders | undefined): Readonly<Record<string, string>> {
  if (!headers) return noHeaders;
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) texts[name] = last.toString();
  }
  return texts;
}
