import { EntError, isEntError } from '@entdb/base';
import { walTopic } from '@entdb/wal';

/** Judgements that stop the archive of one tenant, until a person has looked. */

export interface Where {
  readonly tenantId: string;
  readonly partition: number;
}

export function isVerdict(error: unknown): error is EntError {
  return isEntError(error, 'ARCHIVE_CONFLICT') || isEntError(error, 'ARCHIVE_GAP');
}

/** The archive holds something else than the log says. `object` is what it is about. */
export function conflict(
  { tenantId, partition }: Where,
  object: string,
  offset: number,
  what: string,
  cause?: unknown,
): EntError {
  return new EntError('ARCHIVE_CONFLICT', `${object}: ${what}`, {
    tenantId,
    position: { topic: walTopic, partition, offset },
    metadata: { object },
    hint: 'nothing was overwritten; see docs/errors/ARCHIVE_CONFLICT.md',
    ...(cause !== undefined && { cause }),
  });
}

/** Records of the tenant may be missing before `offset`. */
export function gap({ tenantId, partition }: Where, offset: number, what: string): EntError {
  return new EntError('ARCHIVE_GAP', `the archive of ${tenantId} cannot go on: ${what}`, {
    tenantId,
    position: { topic: walTopic, partition, offset },
    hint: 'keep a copy of the tenant’s files; see docs/errors/ARCHIVE_GAP.md',
  });
}

/** A damaged object, or one of another version, is a conflict for the archiver: it cannot go on behind it, and does not replace it. */
export function asConflict(where: Where, object: string, offset: number) {
  return (error: unknown): never => {
    const codes = ['SEGMENT_CORRUPT', 'UNKNOWN_FORMAT'] as const;
    if (error instanceof EntError && codes.some((code) => code === error.code))
      throw conflict(where, object, offset, error.message, error);
    throw error;
  };
}
