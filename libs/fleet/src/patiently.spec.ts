import { EntError, realRng, silentLogger } from '@entdb/base';
import { patiently } from './patiently.ts';

/** A clock that does not wait, and tells how long it would have. */
function hurried(stop?: AbortController) {
  const slept: number[] = [];
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: async (ms: number, signal?: AbortSignal) => {
      slept.push(ms);
      if (slept.length === 20) stop?.abort(new Error('told to stop'));
      signal?.throwIfAborted();
    },
  };
  const { signal } = stop ?? new AbortController();
  return { slept, patience: { clock, signal, logger: silentLogger, rng: realRng } };
}
const failing = (code: 'LOG_UNAVAILABLE' | 'INVALID_SETTING', times: number) => {
  let left = times;
  return async () => {
    left -= 1;
    if (left >= 0) throw new EntError(code, 'planned');
    return 'done';
  };
};

describe('patience', () => {
  it('waits out what may pass, ever longer, up to a limit', async () => {
    const { slept, patience } = hurried();
    expect(await patiently('test', failing('LOG_UNAVAILABLE', 12), patience)).toBe('done');
    expect(slept).toHaveLength(12);
    expect(Math.max(...slept)).toBeLessThanOrEqual(2_000);
    expect(Math.min(...slept.slice(-4))).toBeGreaterThanOrEqual(1_000);
  });

  it.each([
    ['what no waiting mends', failing('INVALID_SETTING', 1), { code: 'INVALID_SETTING' }],
    ['a fault of the program', () => Promise.reject(new TypeError('oops')), { message: 'oops' }],
  ])('does not wait for %s', async (_what, work, error) => {
    const { slept, patience } = hurried();
    await expect(patiently('test', work, patience)).rejects.toMatchObject(error);
    expect(slept).toEqual([]);
  });

  it('ends with its signal', async () => {
    const { patience } = hurried(new AbortController());
    await expect(patiently('test', failing('LOG_UNAVAILABLE', Infinity), patience)).rejects.toThrow(
      'told to stop',
    );
  });
});
