import { invariant } from '@entdb/base';

/**
 * The content digest that is kept, not computed: the sum modulo 2^256 of the SHA-256 of every row. Adding or removing a row costs one
 * addition, whatever the size of the tenant, and equal rows give equal sums in any order. It guards against damage and bugs; against a
 * forger the archive's hash chain does.
 */
export class MultisetHash {
  readonly #limbs = new Uint32Array(8);

  /** From the 32 stored bytes (least significant limb first, each limb little endian). */
  static from(bytes: Uint8Array): MultisetHash {
    const sum = new MultisetHash();
    sum.add(bytes);
    return sum;
  }

  add(hash: Uint8Array): void {
    invariant(hash.length === 32, 'a hash has 32 bytes');
    let carry = 0;
    for (let i = 0; i < 8; i++) {
      const sum = this.#limbs[i]! + limbOf(hash, i) + carry;
      this.#limbs[i] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
  }

  remove(hash: Uint8Array): void {
    invariant(hash.length === 32, 'a hash has 32 bytes');
    let borrow = 0;
    for (let i = 0; i < 8; i++) {
      const difference = this.#limbs[i]! - limbOf(hash, i) - borrow;
      this.#limbs[i] = difference;
      borrow = difference < 0 ? 1 : 0;
    }
  }

  /** The 32 bytes to store. */
  bytes(): Buffer {
    const bytes = Buffer.allocUnsafe(32);
    for (let i = 0; i < 8; i++) {
      const limb = this.#limbs[i]!;
      bytes[i * 4] = limb;
      bytes[i * 4 + 1] = limb >>> 8;
      bytes[i * 4 + 2] = limb >>> 16;
      bytes[i * 4 + 3] = limb >>> 24;
    }
    return bytes;
  }

  hex(): string {
    return this.bytes().toString('hex');
  }
}

/** By hand: making a view costs more than the sum, and this runs twice for each row. */
function limbOf(hash: Uint8Array, i: number): number {
  const at = i * 4;
  const bits = hash[at]! | (hash[at + 1]! << 8) | (hash[at + 2]! << 16) | (hash[at + 3]! << 24);
  return bits >>> 0;
}
