import { EntError, isEntError } from '@entdb/base';

/** The code of a failed system call, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown }; // whatever was thrown, it has this or not
  return typeof code === 'string' ? code : undefined;
}

/** Codes that only a change of permissions or of the file system can mend. */
const deniedCodes: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'EROFS'];
/** Codes of a file system that cannot link, or of a root that spans two of them. */
const unsafeCodes: readonly (string | undefined)[] = [
  'EOPNOTSUPP',
  'ENOTSUP',
  'ENOSYS',
  'EXDEV',
  'EMLINK',
];

/** Makes an EntError of what the disk said; everything unknown may pass, as a full disk does. */
export function diskFault(error: unknown, attempted: string): unknown {
  if (isEntError(error)) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error; // not the disk: an abort, or a fault of the program
  const message = `cannot ${attempted}: ${errno}`;
  if (deniedCodes.includes(errno))
    return new EntError('OBJECT_STORE_DENIED', message, {
      hint: 'check the owner and the permissions of the folder',
      cause: error,
    });
  if (unsafeCodes.includes(errno))
    return new EntError('OBJECT_STORE_UNSAFE', message, {
      hint: 'the folder must be on one local file system with hard links',
      cause: error,
    });
  return new EntError('OBJECT_STORE_UNAVAILABLE', message, { cause: error });
}
