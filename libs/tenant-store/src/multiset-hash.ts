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
    const view = viewOf(bytes);
    for (let i = 0; i < 8; i++) sum.#limbs[i] = view.getUint32(i * 4, true);
    return sum;
  }

  add(hash: Uint8Array): void {
    const view = viewOf(hash);
    let carry = 0;
    for (let i = 0; i < 8; i++) {
      const sum = this.#limbs[i]! + view.getUint32(i * 4, true) + carry;
      this.#limbs[i] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
  }

  remove(hash: Uint8Array): void {
    const view = viewOf(hash);
    let borrow = 0;
    for (let i = 0; i < 8; i++) {
      const difference = this.#limbs[i]! - view.getUint32(i * 4, true) - borrow;
      this.#limbs[i] = difference;
      borrow = difference < 0 ? 1 : 0;
    }
  }

  /** The 32 bytes to store. */
  bytes(): Buffer {
    const bytes = Buffer.alloc(32);
    for (let i = 0; i < 8; i++) bytes.writeUInt32LE(this.#limbs[i]!, i * 4);
    return bytes;
  }

  hex(): string {
    return this.bytes().toString('hex');
  }
}

/** A view would reach beyond a short hash, into what its buffer shares with others. */
function viewOf(hash: Uint8Array): DataView {
  invariant(hash.length === 32, 'a hash has 32 bytes');
  return new DataView(hash.buffer, hash.byteOffset, 32);
}
