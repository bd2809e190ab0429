import { create } from '@bufbuild/protobuf';
import { sealRecord } from './envelope.ts';
import { isErasure, mayErase } from './erasing.ts';
import { WalRecordSchema } from './gen/entdb/v1/record_pb.ts';
import { encodeWalRecord } from './record.ts';
import { sampleRecords } from './testing/samples.ts';

const deletion = (erase: boolean, tenantId = 'acme') =>
  encodeWalRecord(
    create(WalRecordSchema, {
      tenantId,
      requestHash: new Uint8Array(32),
      autoCreate: true,
      results: { partition: 7 },
      body: { case: 'tenantDeleted', value: { erase } },
    }),
  );
const sealed = (hex: string) => sealRecord('wal', 'acme', Buffer.from(hex, 'hex'));

it('is a deletion with erase, and nothing else', () => {
  expect(isErasure('acme', deletion(true))).toBe(true);
  expect(isErasure('acme', deletion(false))).toBe(false);
  for (const record of Object.values(sampleRecords))
    expect(isErasure('acme', encodeWalRecord(record))).toBe(
      record.body.case === 'tenantDeleted' && record.body.value.erase,
    );
});

it('is one in whatever form another program has written it', () => {
  expect(isErasure('acme', sealed('0a0461636d655a020801'))).toBe(true);
  expect(isErasure('acme', sealed('5a0208010a0461636d65'))).toBe(true);
  expect(isErasure('acme', sealed('0a0461636d655a03088100'))).toBe(true);
  expect(isErasure('acme', sealed('0a0461636d655a0208015a020800'))).toBe(false);
});

it('is looked for without decoding records of other kinds', () => {
  for (const record of Object.values(sampleRecords))
    expect(mayErase(encodeWalRecord(record))).toBe(record.body.case === 'tenantDeleted');
});

it('is none that cannot be read', () => {
  const whole = deletion(true);
  const damaged = Uint8Array.from(whole);
  damaged[damaged.length - 1] = 3;
  for (const value of [
    damaged,
    whole.subarray(0, -1),
    new Uint8Array(),
    Buffer.from('no record of ours'),
    deletion(true, 'other'),
    sealed('0a0461636d655a020801f80701'),
  ])
    expect(isErasure('acme', value)).toBe(false);
});
