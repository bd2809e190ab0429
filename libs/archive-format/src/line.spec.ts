import { create } from '@bufbuild/protobuf';
import { encodeWalRecord, val, WalRecordSchema, type Fields } from '@entdb/contracts';
import * as fc from 'fast-check';
import { decodeLine, encodeLine, lineBytesMax, type ArchivedRecord } from './line.ts';
import { int64, storedValue, tenant, text, walRecord } from './testing/arbitrary.ts';
import { refusal } from './testing/refusal.ts';
import { sampleRecords } from './testing/samples.ts';

const place = { tenantId: tenant, object: 'o', line: 1 };
const placed = (value: Uint8Array): ArchivedRecord => ({
  partition: 3,
  offset: 2 ** 53 - 1,
  timeMs: 1_790_000_000_000,
  sequence: 7,
  value,
});
const bytesOf = ({ value }: ArchivedRecord) => Buffer.from(value).toString('hex');
const recordWith = (fields: Fields) =>
  encodeWalRecord(
    create(WalRecordSchema, {
      tenantId: tenant,
      body: {
        case: 'transaction',
        value: { operations: [{ op: { case: 'updateNode', value: { typeId: 1, set: fields } } }] },
      },
    }),
  );
const ofAnother = encodeWalRecord(
  create(WalRecordSchema, { tenantId: 'other', body: { case: 'tenantCreated', value: {} } }),
);

it('gives back the exact bytes of whatever the log holds (property)', () => {
  fc.assert(
    fc.property(storedValue, (value) => {
      const record = placed(value);
      const { line } = encodeLine(tenant, record);
      expect(line).not.toContain('\n');
      const back = decodeLine(line, place);
      expect({ ...back, value: bytesOf(back) }).toEqual({ ...record, value: bytesOf(record) });
    }),
    { numRuns: 200 },
  );
});

it('is readable for every record of ours but those with a float -0 (property)', () => {
  fc.assert(
    fc.property(walRecord, (record) => {
      const value = encodeWalRecord(record);
      const negativeZero = Buffer.from([0x19, 0, 0, 0, 0, 0, 0, 0, 0x80]); // field 3 of Value
      fc.pre(!Buffer.from(value).includes(negativeZero));
      expect(encodeLine(tenant, placed(value)).proof).toBe('json');
    }),
    { numRuns: 200 },
  );
});

it('keeps integers beyond 2^53 and every character in plain sight (property)', () => {
  fc.assert(
    fc.property(int64, text, (int, str) => {
      const value = recordWith({ 1: val.int(int), 0xffffffff: val.str(str) });
      const { line, proof } = encodeLine(tenant, placed(value));
      expect(proof).toBe('json');
      expect(line).toContain(`"int":"${int}"`);
      expect(line).toContain(JSON.stringify(str));
      expect(bytesOf(decodeLine(line, place))).toBe(Buffer.from(value).toString('hex'));
    }),
  );
});

it('falls back to base64 for what JSON does not give back', () => {
  const whole = recordWith({ 1: val.str('x') });
  const later = Uint8Array.from(whole);
  later[2] = 9; // a format of another time
  const cut = whole.subarray(0, whole.length - 1);
  for (const value of [recordWith({ 1: val.float(-0) }), ofAnother, later, cut, new Uint8Array()]) {
    const { line, proof } = encodeLine(tenant, placed(value));
    expect(proof).toBe('base64');
    expect(Buffer.compare(decodeLine(line, place).value, value)).toBe(0);
  }
});

it('falls back to base64 where JSON would be too long, and refuses what is too long for that', async () => {
  const escaped = recordWith({ 1: val.str('\u0001'.repeat(lineBytesMax / 6)) });
  expect(encodeLine(tenant, placed(escaped)).proof).toBe('base64');
  const huge = new Uint8Array(lineBytesMax);
  expect((await refusal(() => encodeLine(tenant, placed(huge)))).code).toBe('RECORD_TOO_LARGE');
});

describe('a line', () => {
  const json = encodeLine(tenant, sampleRecords[1]!).line;
  const base64 = encodeLine(tenant, sampleRecords[3]!).line;

  it.each([
    ['that is cut', json.slice(0, -1), 'SEGMENT_CORRUPT'],
    ['that is empty', '', 'SEGMENT_CORRUPT'],
    ['that is a list', '[]', 'SEGMENT_CORRUPT'],
    ['without a key', json.replace(/"sequence":\d+,/, ''), 'SEGMENT_CORRUPT'],
    ['with a fraction', json.replace(/"offset":\d+/, '"offset":1.5'), 'SEGMENT_CORRUPT'],
    [
      'with a number beyond 2^53',
      json.replace(/"offset":\d+/, '"offset":9007199254740993'),
      'SEGMENT_CORRUPT',
    ],
    ['with a negative number', json.replace(/"offset":\d+/, '"offset":-1'), 'SEGMENT_CORRUPT'],
    ['of another tenant', json.replaceAll('acme', 'acmf'), 'SEGMENT_CORRUPT'],
    ['of another tenant, whole', encodeLine('other', placed(ofAnother)).line, 'SEGMENT_CORRUPT'],
    ['with another value', json.replace('user:1', 'user:2'), 'SEGMENT_CORRUPT'],
    ['with another checksum', json.replace(/"crc32":"./, '"crc32":"x'), 'SEGMENT_CORRUPT'],
    ['whose base64 is not in its one form', base64.replace('"}', '="}'), 'SEGMENT_CORRUPT'],
    ['with a key of a later version', json.replace('{', '{"codec":1,'), 'UNKNOWN_FORMAT'],
    ['with a record of a later version', json.replace('"actor"', '"actress"'), 'UNKNOWN_FORMAT'],
  ])('%s is refused', async (_, line, code) => {
    const { code: found, facts } = await refusal(() => decodeLine(line, place));
    expect(found).toBe(code);
    expect(facts).toMatchObject({ tenantId: tenant, metadata: { object: 'o', line: '1' } });
  });
});
