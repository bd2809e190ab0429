import type { TenantRestored } from '@entdb/contracts';
import type { Progress } from '../sqlite/tenant-file.ts';
import { Rejection } from './rejection.ts';

const sha256 = /^[0-9a-f]{64}$/;

/**
 * Whether a tenant may be restored as a record asks, judged by what its files say of themselves: the verdict needs nothing from the object store. `progress` is
 * that of the record already. What is accepted here can be adopted, given files that are what the record says. Throws Rejection.
 */
export function judgeRestore(progress: Progress, restored: TenantRestored): void {
  const { state, topic, partition, offset, sequence, epoch, erased_sequence } = progress;
  if (state === 'absent') throw new Rejection('TENANT_NOT_FOUND', 'there is no such tenant');
  const target = restored.position;
  if (!target || target.topic !== topic || target.partition !== partition)
    throw invalidTarget(
      `the target is in ${target ? `${target.topic}, partition ${target.partition}` : 'no log'}; the tenant is in ${topic}, partition ${partition}`,
    );
  const isEarlier =
    restored.sequence >= 1n &&
    restored.sequence < BigInt(sequence) &&
    target.offset >= 0n &&
    target.offset < BigInt(offset);
  if (!isEarlier)
    throw invalidTarget(
      `the target is record ${restored.sequence} at offset ${target.offset}, which is not before this record ${sequence} at offset ${offset}`,
    );
  for (const name of ['canonicalDigest', 'mailboxDigest', 'manifestSha256'] as const)
    if (!sha256.test(restored[name]))
      throw new Rejection('INVALID_ARGUMENT', `${name} is not 64 hexadecimal digits`, {
        field: 'tenant_restored',
      });
  if (restored.sequence < BigInt(erased_sequence))
    throw new Rejection(
      'TENANT_ERASED',
      `the tenant was erased by record ${erased_sequence}, after the target`,
      { metadata: { erased_sequence: String(erased_sequence) } },
    );
  if (restored.expectedEpoch !== BigInt(epoch))
    throw new Rejection(
      'PRECONDITION_FAILED',
      `the tenant is in epoch ${epoch}, and the restore was decided on in epoch ${restored.expectedEpoch}`,
      {
        hint: 'look at the tenant again, decide anew, and restore under a new key',
        metadata: { epoch: String(epoch) },
      },
    );
}

function invalidTarget(message: string): Rejection {
  return new Rejection('INVALID_POSITION', message, { field: 'tenant_restored.position' });
}
