import { errorCodes, EntError, type ErrorCode } from '@entdb/base';
import { errorToDetail, TenantState, type GetTenantResponse } from '@entdb/contracts';
import type { TenantFileState } from '@entdb/tenant-store';
import { walTopic } from '@entdb/wal';

/** What is said of a tenant whose files cannot be read now; nothing for one that can. */
export function tenantInfo(
  tenantId: string,
  partition: number,
  state: TenantFileState,
): GetTenantResponse | undefined {
  if (state.kind === 'active') return undefined;
  const position = { topic: walTopic, partition, offset: state.fromOffset };
  const fault =
    state.kind === 'behind'
      ? new EntError(
          'NOT_CAUGHT_UP',
          `tenant ${tenantId} is being rebuilt from offset ${state.fromOffset}`,
          { tenantId, position, retryAfterMs: 500 },
        )
      : new EntError(
          Object.hasOwn(errorCodes, state.code) ? (state.code as ErrorCode) : 'INTERNAL',
          state.reason,
          { tenantId, position },
        );
  return {
    $typeName: 'entdb.v1.GetTenantResponse',
    state: TenantState.QUARANTINED,
    sequence: 0n,
    canonicalDigest: '',
    mailboxDigest: '',
    nodeCount: 0n,
    edgeCount: 0n,
    fault: errorToDetail(fault),
  };
}
