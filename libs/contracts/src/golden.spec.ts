/** What was written by an earlier version is read by this one, and this one writes the same. */
import { equals } from '@bufbuild/protobuf';
import { decodeFields, encodeFields } from './fields.ts';
import { canonicalSchema, schemaFingerprint } from './fingerprint.ts';
import { WalRecordSchema } from './gen/entdb/v1/record_pb.ts';
import { decodeWalRecord, encodeWalRecord } from './record.ts';
import { requestHash } from './request-hash.ts';
import { resultFromJson, verdictToJson } from './result-json.ts';
import { fromHexLines, golden, toHexLines } from './testing/golden.ts';
import {
  sampleFields,
  sampleRecords,
  sampleSchema,
  sampleTransaction,
  sampleVerdicts,
} from './testing/samples.ts';

describe('golden files', () => {
  it.each(Object.entries(sampleRecords))('record: %s', (name, record) => {
    const sealed = encodeWalRecord(record);
    const stored = golden(`wal-record.${name}.v1.hex`, toHexLines(sealed));
    expect(toHexLines(sealed)).toBe(stored);
    expect(equals(WalRecordSchema, decodeWalRecord('acme', fromHexLines(stored)), record)).toBe(
      true,
    );
  });

  it('fields', () => {
    const stored = golden('fields.v1.hex', toHexLines(encodeFields(sampleFields)));
    expect(toHexLines(encodeFields(sampleFields))).toBe(stored);
    expect(decodeFields(fromHexLines(stored))).toStrictEqual(sampleFields);
  });

  it('schema', () => {
    const text = `${canonicalSchema(sampleSchema)}\n${schemaFingerprint(sampleSchema)}\n`;
    expect(text).toBe(golden('schema.v1.txt', text));
  });

  it('request hash', () => {
    const text = `${Buffer.from(requestHash(sampleTransaction)).toString('hex')}\n`;
    expect(text).toBe(golden('request-hash.v1.txt', text));
  });

  it.each(Object.entries(sampleVerdicts))('verdict: %s', (name, verdict) => {
    const stored = golden(`result.${name}.v1.json`, verdictToJson(verdict));
    expect(verdictToJson(verdict)).toBe(stored);
    expect(resultFromJson(stored, 'acme').outcome.case).toBe(name);
  });
});
