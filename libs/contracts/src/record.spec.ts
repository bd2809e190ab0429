import { create, equals, fromBinary, isMessage, toBinary, type Message } from '@bufbuild/protobuf';
import { sealRecord } from './envelope.ts';
import {
  ResultRecordSchema,
  StatusRecordSchema,
  WalRecordSchema,
} from './gen/entdb/v1/record_pb.ts';
import type { Kind } from './gen/entdb/v1/schema_pb.ts';
import type { OnConflict, Operator } from './gen/entdb/v1/transaction_pb.ts';
import {
  decodeResultRecord,
  decodeStatusRecord,
  decodeWalRecord,
  encodeResultRecord,
  encodeStatusRecord,
  encodeWalRecord,
} from './record.ts';
import { encodeTransaction, requestHash, requestHashOf } from './request-hash.ts';
import { sampleRecords } from './testing/samples.ts';
import { codeOf } from './testing/refusal.ts';

const sample = sampleRecords.transaction!;
const newer = { no: 9999, wireType: 0, data: Uint8Array.of(1) };

/** Every message inside the sample, with its path, so that nothing is forgotten when the contract grows. */
function messagesIn(value: unknown, path: string): readonly (readonly [string, Message])[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const inside = Object.entries(value).flatMap(([key, part]) => messagesIn(part, `${path}.${key}`));
  return isMessage(value) ? [[path, value], ...inside] : inside;
}

const fresh = () => fromBinary(WalRecordSchema, toBinary(WalRecordSchema, sample));
const paths = messagesIn(fresh(), 'record').map(([path]) => path);

describe('a record on the log', () => {
  it('is read as it was written', () => {
    for (const record of Object.values(sampleRecords)) {
      expect(
        equals(WalRecordSchema, decodeWalRecord('acme', encodeWalRecord(record)), record),
      ).toBe(true);
    }
  });

  it('has the same bytes when its transaction was encoded before', () => {
    const { body } = sample;
    if (body.case !== 'transaction') throw new Error('the sample is a transaction');
    const bytes = encodeTransaction(body.value);
    expect(encodeWalRecord(sample, bytes)).toEqual(encodeWalRecord(sample));
    expect(requestHashOf(bytes)).toEqual(requestHash(body.value));
  });

  it('has messages at every depth to be tested', () => {
    expect(paths.length).toBeGreaterThan(50);
  });

  it.each(paths)('is not applied with a field of a later version in %s', (path) => {
    const record = fresh();
    const [, message] = messagesIn(record, 'record').find(([at]) => at === path)!;
    message.$unknown = [newer];
    const sealed = encodeWalRecord(record);
    expect(codeOf(() => decodeWalRecord('acme', sealed))).toBe('UNKNOWN_FORMAT');
  });

  it.each<[string, (record: ReturnType<typeof fresh>) => void]>([
    [
      'an operation that says nothing',
      (record) => {
        operationsOf(record)[0]!.op = { case: undefined };
      },
    ],
    [
      'a value without a kind',
      (record) => {
        createOf(record).fields[1]!.kind = { case: undefined };
      },
    ],
    [
      'a list with a value without a kind',
      (record) => {
        const list = createOf(record).fields[11]!.kind;
        if (list.case === 'list') list.value.values[1]!.kind = { case: undefined };
      },
    ],
    [
      'a filter without an expression',
      (record) => {
        whereOf(record).filter!.expression = { case: undefined };
      },
    ],
    [
      'an operator without a name',
      (record) => {
        const root = whereOf(record).filter!.expression;
        const first = root.case === 'and' ? root.value.filters[0]!.expression : undefined;
        if (first?.case === 'compare') first.value.operator = 99 as Operator;
      },
    ],
    [
      'a conflict rule without a name',
      (record) => {
        createOf(record).onConflict = 7 as OnConflict;
      },
    ],
    [
      'a kind of field without a name',
      (record) => {
        record.schema!.nodeTypes[0]!.fields[0]!.kind = 42 as Kind;
      },
    ],
    [
      'no body',
      (record) => {
        record.body = { case: undefined };
      },
    ],
  ])('is not applied with %s', (_, change) => {
    const record = fresh();
    change(record);
    expect(codeOf(() => decodeWalRecord('acme', encodeWalRecord(record)))).toBe('UNKNOWN_FORMAT');
  });

  it('is not taken for the record of another tenant', () => {
    const sealed = sealRecord('wal', 'other', toBinary(WalRecordSchema, sample));
    expect(codeOf(() => decodeWalRecord('other', sealed))).toBe('RECORD_CORRUPT');
  });

  it('is damaged when its body is no message', () => {
    const sealed = sealRecord('wal', 'acme', Buffer.from('0a', 'hex'));
    expect(codeOf(() => decodeWalRecord('acme', sealed))).toBe('RECORD_CORRUPT');
  });

  it('is damaged when its text is not UTF-8', () => {
    const sealed = sealRecord('wal', 'acme', Buffer.from('0a02c328', 'hex'));
    expect(codeOf(() => decodeWalRecord('acme', sealed))).toBe('RECORD_CORRUPT');
  });
});

describe('results and status', () => {
  const result = create(ResultRecordSchema, {
    tenantId: 'acme',
    idempotencyKey: 'k',
    askedAt: { topic: 'entdb-wal', partition: 1, offset: 2n ** 53n - 1n },
    verdict: { case: 'resultJson', value: '{}' },
  });
  const status = create(StatusRecordSchema, {
    service: 'applier',
    instance: 'applier-0',
    atUs: 1_700_000_000_000_000n,
    status: {
      case: 'applier',
      value: { shards: 1, partitions: 8, progress: [{ nextOffset: 3n }] },
    },
  });

  it('are read as they were written', () => {
    expect(
      equals(ResultRecordSchema, decodeResultRecord('acme', encodeResultRecord(result)), result),
    ).toBe(true);
    expect(
      equals(
        StatusRecordSchema,
        decodeStatusRecord('applier-0', encodeStatusRecord(status)),
        status,
      ),
    ).toBe(true);
  });

  it.each([
    [
      'result',
      () =>
        decodeResultRecord(
          'other',
          sealRecord('result', 'other', toBinary(ResultRecordSchema, result)),
        ),
    ],
    [
      'status',
      () =>
        decodeStatusRecord(
          'other',
          sealRecord('status', 'other', toBinary(StatusRecordSchema, status)),
        ),
    ],
  ])('a %s under another key is refused', (_, decode) => {
    expect(codeOf(decode)).toBe('RECORD_CORRUPT');
  });

  it('do not pass for each other', () => {
    expect(codeOf(() => decodeResultRecord('acme', encodeWalRecord(sample)))).toBe(
      'UNKNOWN_FORMAT',
    );
    expect(codeOf(() => decodeWalRecord('acme', encodeResultRecord(result)))).toBe(
      'UNKNOWN_FORMAT',
    );
  });
});

type Decoded = ReturnType<typeof fresh>;

function operationsOf(record: Decoded) {
  if (record.body.case !== 'transaction') throw new Error('the sample is a transaction');
  return record.body.value.operations;
}

function createOf(record: Decoded) {
  const op = operationsOf(record)[0]!.op;
  if (op.case !== 'createNode') throw new Error('the sample begins with a create');
  return op.value;
}

function whereOf(record: Decoded) {
  for (const { op } of operationsOf(record)) if (op.case === 'deleteWhere') return op.value;
  throw new Error('the sample has a delete-where');
}
