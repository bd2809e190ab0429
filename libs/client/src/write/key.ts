import type { Clock, Rng } from '@entdb/base';

/**
 * An idempotency key: a UUIDv7 (RFC 9562). It rises with time, and so do the ids of what is created with it, which makes them
 * cheap to store.
 */
export function mintKey(clock: Clock, rng: Rng): string {
  const time = Math.floor(clock.now()).toString(16).padStart(12, '0');
  const random = Array.from(rng.bytes(10), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const variant = (0x8 | (Number.parseInt(random.slice(3, 4), 16) & 0x3)).toString(16);
  const parts = [
    time.slice(0, 8),
    time.slice(8),
    `7${random.slice(0, 3)}`,
    `${variant}${random.slice(4, 7)}`,
    random.slice(7, 19),
  ];
  return parts.join('-');
}
