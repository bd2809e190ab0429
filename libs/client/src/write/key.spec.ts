import { realClock, realRng } from '@entdb/base';
import { mintKey } from './key.ts';

describe('a minted key', () => {
  it('is the UUIDv7 of its time and its random bits', () => {
    // The example of RFC 9562, appendix A.6.
    const clock = { ...realClock, now: () => 0x017f22e279b0 };
    const bytes = Uint8Array.of(0xcc, 0x31, 0x8c, 0x4d, 0xc0, 0xc0, 0xc0, 0x73, 0x98, 0xf0);
    const key = mintKey(clock, { ...realRng, bytes: () => bytes });
    expect(key).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('has the form of a UUIDv7 and rises with time', () => {
    const keys = Array.from({ length: 200 }, (_, i) =>
      mintKey({ ...realClock, now: () => 1e12 + i }, realRng),
    );
    for (const key of keys)
      expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(keys.toSorted()).toEqual(keys);
  });
});
