import type { ErrorCode } from '@entdb/base';
import type { RejectedVerdict } from '@entdb/contracts';

/** What to try, by code. Stored with the verdict, as its message is. */
const hints: Readonly<Partial<Record<ErrorCode, string>>> = {
  ALREADY_EXISTS: 'choose another id, or insert with ON_CONFLICT_SKIP to keep what is there',
  UNIQUE_VIOLATION:
    'update the node that existing_id names, or insert with ON_CONFLICT_SKIP to keep it',
  NOT_FOUND: 'look whether it was deleted; a create needs no node that is there',
  PRECONDITION_FAILED: 'read the node again, decide anew, and write under a new key',
  REFERENCE_NOT_FOUND: 'create the node first, or in the same transaction under an alias',
  TYPE_MISMATCH: 'compare with what the tenant has: QueryService.GetSchema and GetNode',
  UNKNOWN_ENUM_VALUE: "add the value to the schema, or use one of the enum's",
  TOO_MANY_MATCHES: 'narrow the filter, or raise max_matches',
};

/**
 * A deterministic no: a verdict that is stored, as opposed to an error of the store. Its text is part of the tenant's state and digest, so it is made
 * from the record and the rows alone, and a change of wording is a change of format.
 */
export class Rejection extends Error {
  override readonly name = 'Rejection';
  readonly code: ErrorCode;
  readonly verdict: RejectedVerdict;

  constructor(
    code: ErrorCode,
    message: string,
    facts: {
      readonly field?: string;
      /** In place of the code's own. */
      readonly hint?: string;
      readonly metadata?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
    this.code = code;
    const hint = hints[code];
    this.verdict = { code, message, ...(hint !== undefined && { hint }), ...facts };
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
