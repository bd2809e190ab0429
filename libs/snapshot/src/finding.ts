import { EntError, type ErrorCode } from '@entdb/base';

/**
 * `present`: every object that must be there is, in its size, and the chain is whole. `checksums`: every stored byte is read and hashed. `restore`: the whole
 * history is applied from its beginning, every snapshot is opened, and every digest that is known on the way is compared. Each contains those before it.
 */
export type VerifyLevel = 'present' | 'checksums' | 'restore';

export interface Finding {
  readonly object: string;
  readonly code: ErrorCode | 'UNKNOWN_OBJECT';
  readonly message: string;
}

/** What an operation finds wrong with an object. What the store or the disk refuses passes: it says nothing of the object. */
export async function finding(
  object: string,
  body: () => Promise<void>,
): Promise<readonly Finding[]> {
  try {
    await body();
    return [];
  } catch (error) {
    if (!(error instanceof EntError)) throw error;
    const passes = [
      'OBJECT_STORE_UNAVAILABLE',
      'OBJECT_STORE_DENIED',
      'STORE_UNAVAILABLE',
      'SHUTTING_DOWN',
    ];
    if (passes.includes(error.code)) throw error;
    return [
      { object: error.facts.metadata?.object ?? object, code: error.code, message: error.message },
    ];
  }
}
