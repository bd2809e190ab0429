import { EntError, type ErrorCode } from '@entdb/base';

/** The error that the call must throw. Anything but an EntError goes through: it is a defect, not a refusal. */
export function refusal(call: () => unknown): EntError {
  try {
    call();
  } catch (error) {
    if (error instanceof EntError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

export function codeOf(call: () => unknown): ErrorCode {
  return refusal(call).code;
}
