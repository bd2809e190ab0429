/** A promise of our own code was broken: the process must not go on. The log makes a restart safe. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Closes every switch over a union: a new member does not compile until it is handled. */
export function assertNever(value: never): never {
  throw new InvariantError(`not handled: ${JSON.stringify(value)}`);
}
