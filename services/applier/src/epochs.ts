import { EntError, isEntError } from '@entdb/base';
import { positionFromWire, type Position, type ReadScope } from '@entdb/contracts';
import type { Tenants } from './tenants.ts';

/**
 * What an epoch in a question means. A tenant's epoch rises when it is restored or made again: a position of an earlier epoch speaks of a history that is no
 * more, and is answered with STALE_EPOCH. One of a later epoch is waited for, as its offset is: the restore has not arrived here yet. 0 is an epoch
 * that is not known, and fits all. Each look is judged by the very state that it saw.
 */
export async function inEpoch<T extends { readonly position?: Position | undefined }>(
  asked: ReadScope | undefined,
  tenants: Pick<Tenants, 'changed'>,
  signal: AbortSignal,
  look: () => Promise<T>,
): Promise<T> {
  const first = await look();
  if (!isAhead(asked, first.position)) return first;
  for (;;) {
    // Listen before looking: what is committed in between must not be missed.
    const listening = new AbortController();
    const changed = tenants.changed(
      asked?.tenantId ?? '',
      AbortSignal.any([signal, listening.signal]),
    );
    changed.catch(() => undefined); // looked at below, or of no interest any more
    try {
      const answer = await look();
      if (!isAhead(asked, answer.position)) return answer;
      await changed;
    } catch (error) {
      throw isEntError(error, 'DEADLINE_EXCEEDED') ? notReached(asked, error) : error;
    } finally {
      listening.abort();
    }
  }
}

/** Whether the question is of an epoch that the state has not come to. Throws STALE_EPOCH where the state is of a later one. */
function isAhead(asked: ReadScope | undefined, read: Position | undefined): boolean {
  const epoch = asked?.atLeast?.epoch ?? 0n;
  if (epoch === 0n || !read || epoch === read.epoch) return false;
  if (epoch > read.epoch) return true;
  throw staleEpoch(asked?.tenantId ?? '', epoch, read);
}

/** `now`: a position of the present epoch; what is read from there on is of one history. */
export function staleEpoch(tenantId: string, epoch: bigint, now: Position): EntError {
  return new EntError(
    'STALE_EPOCH',
    `what was asked for is of epoch ${epoch}, and tenant ${tenantId} is in epoch ${now.epoch}: it was restored or made again`,
    {
      tenantId,
      position: positionFromWire(now),
      metadata: { epoch: String(now.epoch), asked_epoch: String(epoch) },
      hint: 'forget what was known of the tenant, read it again at the position given here, and go on from there',
    },
  );
}

function notReached(asked: ReadScope | undefined, cause: EntError): EntError {
  const position = asked?.atLeast && positionFromWire(asked.atLeast);
  return new EntError(
    'POSITION_NOT_REACHED',
    `epoch ${position?.epoch} of tenant ${asked?.tenantId} has not begun here in time`,
    {
      tenantId: asked?.tenantId ?? '',
      ...(position && { position }),
      retryAfterMs: 100,
      hint: 'retry, allow more time, or read without a position',
      cause,
    },
  );
}
