import type { ErrorCode } from '@entdb/base';
import type { RejectedVerdict } from '@entdb/contracts';

/**
 * A deterministic no: a verdict that is stored, as opposed to an error of the store. Its text is part of the tenant's state and digest, so it is made
 * from the record and the rows alone, and a change of wording is a change of format.
 */
export class Rejection extends Error {
  override readonly name = 'Rejection';
  readonly verdict: RejectedVerdict;

  constructor(
    code: ErrorCode,
    message: string,
    facts: { readonly field?: string; readonly metadata?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.verdict = { code, message, ...facts };
  }
}

/** What a judgement says, where another judgement may outrank it. */
export function rejectionOf(judgement: () => void): Rejection | undefined {
  try {
    judgement();
    return undefined;
  } catch (error) {
    if (error instanceof Rejection) return error;
    throw error;
  }
}
