import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { openRecord, sealRecord } from './envelope.ts';
import { codeOf } from './testing/refusal.ts';

const body = Buffer.from('a small body');
const sealed = Buffer.from(sealRecord('wal', 'acme', body));

describe('the envelope of a record', () => {
  it('gives back what was put in, under any key', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), (key, bytes) => {
        expect(openRecord('wal', key, sealRecord('wal', key, bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('opens where it stands inside a larger buffer', () => {
    const around = Buffer.concat([Buffer.from('before'), sealed, Buffer.from('after')]);
    expect(openRecord('wal', 'acme', around.subarray(6, 6 + sealed.length))).toEqual(body);
  });

  it('shows every change of one byte', () => {
    for (let at = 0; at < sealed.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        if (byte === sealed[at]) continue;
        const damaged = Buffer.from(sealed);
        damaged[at] = byte;
        expect(codeOf(() => openRecord('wal', 'acme', damaged))).toBe('RECORD_CORRUPT');
      }
    }
  });

  it('shows every length that is cut, and bytes that are added', () => {
    for (let length = 0; length < sealed.length; length++) {
      expect(codeOf(() => openRecord('wal', 'acme', sealed.subarray(0, length)))).toBe(
        'RECORD_CORRUPT',
      );
    }
    const longer = Buffer.concat([sealed, Buffer.of(0)]);
    expect(codeOf(() => openRecord('wal', 'acme', longer))).toBe('RECORD_CORRUPT');
  });

  it.each(['acmf', 'Acme', 'acm', 'acme2', ''])('does not open under the key %j', (key) => {
    expect(codeOf(() => openRecord('wal', key, sealed))).toBe('RECORD_CORRUPT');
  });

  it('is refused when it is of another kind', () => {
    const result = sealRecord('result', 'acme', body);
    expect(codeOf(() => openRecord('wal', 'acme', result))).toBe('UNKNOWN_FORMAT');
  });

  it('is refused when it is of a later version, which has its own checksum', () => {
    const later = Buffer.from(sealed);
    later[2] = 2;
    later.writeUInt32BE(crc32(body, crc32('acme', crc32(Buffer.of(2, 1)))), 4);
    expect(codeOf(() => openRecord('wal', 'acme', later))).toBe('UNKNOWN_FORMAT');
  });
});
