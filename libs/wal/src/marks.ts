import { EntError } from '@entdb/base';

/** What the marks of all adapters have in common. */

/** Names that a Kafka group may have, of a length that all adapters take. */
export function assertGroup(group: string): void {
  if (/^[A-Za-z0-9._-]{1,200}$/.test(group)) return;
  throw new EntError('INVALID_ARGUMENT', `${JSON.stringify(group)} is no name for a group`, {
    field: 'group',
  });
}

export function assertMark(offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return;
  throw new EntError('INVALID_ARGUMENT', `${offset} is no offset`, { field: 'offset' });
}
