import { EntError } from '@entdb/base';

/** Edge keys, user ids and thread ids: they become keys in the tenant's files. */
export const nameLengthMax = 256;

/** Throws INVALID_OPERATION: the text must be well-formed, since the log and the files hold UTF-8. */
export function checkText(text: string, path: string): void {
  if (!text.isWellFormed()) {
    throw new EntError('INVALID_OPERATION', `${path}: the text is not well-formed Unicode`, {
      field: path,
    });
  }
}

/** Throws INVALID_OPERATION. May be empty. */
export function checkName(text: string, path: string): void {
  checkText(text, path);
  if (text.length > nameLengthMax || text.includes('\0')) {
    throw new EntError(
      'INVALID_OPERATION',
      `${path}: it has at most ${nameLengthMax} characters, and no NUL`,
      { field: path },
    );
  }
}
