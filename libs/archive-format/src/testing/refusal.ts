import { EntError } from '@entdb/base';

/** The error that the work must end in. Anything but an EntError goes through: it is a defect, not a refusal. */
export async function refusal(work: () => unknown): Promise<EntError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof EntError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
