import { EntError } from '@entdb/base';

export function notFound(key: string): EntError {
  return new EntError('OBJECT_NOT_FOUND', `there is no object ${key}`);
}
