import { isEntError, toError, type EntError } from '@entdb/base';

/** The error that the act throws. Fails where it throws none, or one that is not ours. */
export function caught(act: () => unknown): EntError {
  let thrown: unknown = new Error('nothing was thrown');
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  if (isEntError(thrown)) return thrown;
  throw toError(thrown);
}

/** The same for a promise. */
export async function rejected(promise: Promise<unknown>): Promise<EntError> {
  const error: unknown = await promise.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (isEntError(error)) return error;
  throw toError(error);
}
