import { EntError, isEntError } from '@entdb/base';
import type { Applier } from './applier.ts';
import type { ReaderPool } from './reader/pool.ts';
import type { ReadMethod, ReadRequest, ReadResponse } from './reader/protocol.ts';
import type { Tenants } from './tenants.ts';

/**
 * Reads whose answers can be relied on. What a reader finds damaged, missing, or older than what was committed before it looked is no answer: the
 * tenant's files are rebuilt, and until then reads of it are refused with NOT_CAUGHT_UP.
 */
export type TrustedRead = <M extends ReadMethod>(
  method: M,
  tenantId: string,
  request: ReadRequest<M>,
) => Promise<ReadResponse<M>>;

export function createTrustedRead(options: {
  readonly readers: Pick<ReaderPool, 'read'>;
  readonly tenants: Pick<Tenants, 'state' | 'heldOffset'>;
  readonly applier: Pick<Applier, 'distrust'>;
}): TrustedRead {
  const { readers, tenants, applier } = options;

  const beingRebuilt = (tenantId: string, cause?: EntError): EntError =>
    new EntError(
      'NOT_CAUGHT_UP',
      `the files of tenant ${tenantId} are being rebuilt from the log`,
      { tenantId, retryAfterMs: 500, hint: 'retry, or ask another replica', cause },
    );

  const distrusted = async (tenantId: string, error: EntError): Promise<EntError> => {
    await applier.distrust(tenantId, error);
    return beingRebuilt(tenantId, error);
  };

  return async (method, tenantId, request) => {
    const held = tenants.heldOffset(tenantId);
    const response = await readers.read(method, tenantId, request).catch(async (error: unknown) => {
      const damage = isEntError(error, 'STORE_CORRUPT') || isEntError(error, 'STORE_MISSING');
      throw damage ? await distrusted(tenantId, error) : error;
    });
    const seen = offsetOf(response);
    if (seen < held) {
      const message = `files of tenant ${tenantId} are at offset ${seen}, and had ${held} before`;
      throw await distrusted(tenantId, new EntError('STORE_CORRUPT', message, { tenantId }));
    }
    // The files may have been given up while they were read.
    if (tenants.state(tenantId).kind !== 'active') throw beingRebuilt(tenantId);
    return response;
  };
}

/** Every response says the position of the state that it saw. */
function offsetOf(response: ReadResponse<ReadMethod>): number {
  if ('offset' in response) return response.offset;
  return Number(response.position?.offset ?? -1n);
}
