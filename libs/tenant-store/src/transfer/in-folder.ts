import { EntError, InvariantError } from '@entdb/base';
import { asStoreError } from '../sqlite/open.ts';

/** Damage names the folder that it is in, for who must decide whose files to replace. The innermost name counts. */
export function inFolder<T>(folder: 'current' | 'restored', body: () => T): T {
  try {
    return body();
  } catch (thrown) {
    if (thrown instanceof InvariantError) throw thrown;
    const error = asStoreError(thrown);
    const { code, message, facts } = error;
    const isOfFiles =
      code === 'STORE_MISSING' || code === 'STORE_CORRUPT' || code === 'UNKNOWN_FORMAT';
    if (!isOfFiles || facts.metadata?.['folder'] !== undefined) throw error;
    const metadata = { ...facts.metadata, folder };
    throw new EntError(code, message, { ...facts, metadata, cause: thrown });
  }
}
