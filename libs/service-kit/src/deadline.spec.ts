import { isEntError } from '@entdb/base';
import fc from 'fast-check';
import { chooseTimeoutMs, parseConnectTimeout, parseGrpcTimeout } from './deadline.ts';

const limits = { defaultMs: 30_000, maxMs: 300_000 };

describe('deadlines', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['5S', 5_000],
    ['250m', 250],
    ['99999999n', 99.999999],
    ['10u', 0.01],
    ['0m', 0],
  ])('reads grpc-timeout %s', (text, ms) => {
    const timeout = parseGrpcTimeout(text);
    expect(timeout.kind === 'ms' && timeout.ms).toBeCloseTo(ms, 9);
  });

  it.each(['', 'S', '5', '-5S', '5s', '1.5S', '123456789S', 'NaNS', 'Infinity', '5 S', '5S5S'])(
    'refuses grpc-timeout %j',
    (text) => {
      expect(parseGrpcTimeout(text).kind).toBe('malformed');
      const chosen = chooseTimeoutMs(parseGrpcTimeout(text), limits);
      expect(isEntError(chosen, 'INVALID_DEADLINE')).toBe(true);
    },
  );

  it.each(['', '-1', '1.5', '1e3', 'Infinity', 'NaN', '12345678901', '5S'])(
    'refuses connect-timeout-ms %j',
    (text) => {
      expect(
        isEntError(chooseTimeoutMs(parseConnectTimeout(text), limits), 'INVALID_DEADLINE'),
      ).toBe(true);
    },
  );

  it('gives the default to a call that names none, and refuses what is above the limit', () => {
    expect(chooseTimeoutMs({ kind: 'none' }, limits)).toBe(30_000);
    expect(chooseTimeoutMs(parseConnectTimeout('300000'), limits)).toBe(300_000);
    expect(
      isEntError(chooseTimeoutMs(parseConnectTimeout('300001'), limits), 'INVALID_DEADLINE'),
    ).toBe(true);
    expect(
      isEntError(chooseTimeoutMs(parseGrpcTimeout('99999999H'), limits), 'INVALID_DEADLINE'),
    ).toBe(true);
  });

  it('always comes to a finite time within the limit, or to a refusal', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,12}[HMSmun]?$/)), (text) => {
        for (const parse of [parseGrpcTimeout, parseConnectTimeout]) {
          const chosen = chooseTimeoutMs(parse(text), limits);
          if (typeof chosen === 'number') expect(chosen >= 0 && chosen <= limits.maxMs).toBe(true);
          else expect(chosen.code).toBe('INVALID_DEADLINE');
        }
      }),
    );
  });
});
