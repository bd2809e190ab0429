import type { WalRecord } from '@entdb/contracts';
import { restorePointPrefix } from '@entdb/archive-format';
import { positionToWire } from '@entdb/contracts';
import type { TenantFacts } from '@entdb/tenant-store';
import type { AppendRecord } from '@entdb/wal';
import { recordOf, type RecordOptions } from './records.ts';

/** The record of a restore in place to the state that these facts tell of. */
export function restoreRecordOf(
  { tenantId, position, digests }: Pick<TenantFacts, 'tenantId' | 'position' | 'digests'>,
  number: number,
  options: {
    readonly expectedEpoch: number;
    /** Of the restore point's manifest; by default there is none. */
    readonly manifestSha256?: string;
  } & Pick<RecordOptions, 'results'>,
): AppendRecord {
  const { expectedEpoch, manifestSha256 = '0'.repeat(64), ...more } = options;
  const body: WalRecord['body'] = {
    case: 'tenantRestored',
    value: {
      $typeName: 'entdb.v1.TenantRestored',
      position: positionToWire(position),
      sequence: BigInt(position.sequence),
      canonicalDigest: digests.canonical,
      mailboxDigest: digests.mailbox,
      objectPrefix: restorePointPrefix(tenantId, position.sequence),
      manifestSha256,
      expectedEpoch: BigInt(expectedEpoch),
    },
  };
  return recordOf(tenantId, number, { ...more, body });
}
