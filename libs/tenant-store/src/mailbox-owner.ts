/**
 * The one token by which the mailbox's full-text index names a user, whatever is in the user id: letters and digits only, so that the
 * tokenizer neither splits it nor folds two users into one. Writer and reader both use it.
 */
export function mailboxOwner(userId: string): string {
  return `u${Buffer.from(userId, 'utf8').toString('hex')}`;
}
