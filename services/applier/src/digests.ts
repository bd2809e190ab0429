import type { Clock } from '@entdb/base';
import {
  encodeStatusRecord,
  positionToWire,
  type StatusRecord,
  type TenantDigests,
} from '@entdb/contracts';
import type { WorkerClient } from '@entdb/threads';
import { statusTopic } from '@entdb/wal';
import type { Publisher } from './publisher.ts';
import type { TakenCheckpoint } from './writer/checkpoints.ts';
import type { WriterMethods } from './writer/protocol.ts';

/**
 * Tells the fleet what the files of tenants that changed hold (CheckpointStatus on entdb-status), so that who makes the same state from the archive can
 * compare. It is evidence, not a promise: what is not told is not compared. Its cost is bounded: a tenant is told at most once in an interval,
 * and a tick tells so many tenants and no more, those that have waited longest first.
 */
export interface DigestTeller {
  /** Records of the tenant were committed. */
  changed(tenantId: string): void;
  /** One tick. */
  tell(): Promise<void>;
}

export interface DigestTellerOptions {
  readonly instance: string;
  readonly writer: Pick<WorkerClient<WriterMethods>, 'call'>;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly clock: Clock;
  /** Between two tellings of one tenant. */
  readonly intervalMs: number;
  /** In one tick, and so in one record: some 350 bytes each. */
  readonly tenantsMax: number;
}

export function createDigestTeller(options: DigestTellerOptions): DigestTeller {
  const { instance, writer, publisher, clock, intervalMs, tenantsMax } = options;
  /** In the order in which they changed. */
  const waiting = new Set<string>();
  /** In the order in which they were told. */
  const toldAt = new Map<string, number>();

  const due = (): readonly string[] => {
    const oldest = clock.monotonic() - intervalMs;
    for (const [tenantId, at] of toldAt) {
      if (at > oldest) break;
      toldAt.delete(tenantId);
    }
    const found: string[] = [];
    for (const tenantId of waiting) {
      if (found.length === tenantsMax) break;
      if (!toldAt.has(tenantId)) found.push(tenantId);
    }
    return found;
  };

  return {
    changed: (tenantId) => void waiting.add(tenantId),
    async tell() {
      const tenantIds = due();
      if (tenantIds.length === 0) return;
      for (const tenantId of tenantIds) {
        waiting.delete(tenantId); // what is committed from here on makes it wait again
        toldAt.set(tenantId, clock.monotonic());
      }
      const taken = await writer.call('checkpoints', tenantIds);
      if (taken.length === 0) return;
      const record: StatusRecord = {
        $typeName: 'entdb.v1.StatusRecord',
        service: 'applier',
        instance,
        atUs: BigInt(Math.round(clock.now() * 1000)),
        status: {
          case: 'checkpoint',
          value: { $typeName: 'entdb.v1.CheckpointStatus', digests: taken.map(digestsOf) },
        },
      };
      // Not announced: that would take the place of the word on how far this applier is.
      publisher.publish(statusTopic, 0, { key: instance, value: encodeStatusRecord(record) });
    },
  };
}

function digestsOf({ tenantId, position, digests }: TakenCheckpoint): TenantDigests {
  return {
    $typeName: 'entdb.v1.TenantDigests',
    tenantId,
    position: positionToWire(position),
    sequence: BigInt(position.sequence),
    canonicalDigest: digests.canonical,
    mailboxDigest: digests.mailbox,
  };
}
