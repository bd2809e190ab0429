import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  EntError,
  parseTenantId,
  partitionOf,
  realClock,
  realRng,
  silentLogger,
  type Clock,
} from '@entdb/base';
import type { LogSettings, ObjectStoreSettings } from '@entdb/config';
import { logOf, objectStoreOf, readPublishedDigests, type DigestLedger } from '@entdb/fleet';
import type { ObjectStore } from '@entdb/object-store';
import type { LogAtHand } from '@entdb/snapshot';
import { archiverGroup, assertTopics, walTopic, type Wal } from '@entdb/wal';

/** Where a restore reads from. */
export interface Places {
  readonly store: ObjectStore;
  /** Undefined where it is not at hand. */
  readonly wal: Wal | undefined;
  /** Throws TOPIC_MISSING, TOPIC_MISMATCH, TOPIC_UNSAFE: to be called before something is written to the log. */
  assertTopicsSafe(): Promise<void>;
  /** The log of a tenant; undefined where it is not at hand. */
  logOf(tenantId: string): LogAtHand | undefined;
  close(): Promise<void>;
}

/**
 * Connects to nothing yet, and makes nothing: an embedded log whose folder is not there is not at hand, and a folder of objects that is not there is
 * OBJECT_STORE_DENIED, before a lease would make it.
 */
export function openPlaces(
  settings: LogSettings & ObjectStoreSettings,
  { archiveOnly }: { readonly archiveOnly: boolean },
): Places {
  const ports = { logger: silentLogger, clock: realClock, rng: realRng };
  assertObjectsFolder(settings);
  const store = objectStoreOf(settings, ports);
  const isThere = settings.log === 'kafka' || existsSync(join(settings.dataDir, 'log'));
  const log = archiveOnly || !isThere ? undefined : logOf(settings, ports);
  const wal = log?.wal;
  return {
    store,
    wal,
    assertTopicsSafe: async () => {
      if (log) await assertTopics(log.wal, log.topics, { allowUnsafe: settings.allowUnsafeTopic });
    },
    logOf: (tenantId) =>
      wal && {
        wal,
        topic: walTopic,
        partition: partitionOf(parseTenantId(tenantId), settings.walPartitions),
        archiverGroup,
      },
    close: async () => {
      await wal?.close();
      await store.close();
    },
  };
}

function assertObjectsFolder({ objectStore, dataDir }: ObjectStoreSettings): void {
  const folder = join(dataDir, 'objects');
  if (objectStore !== 'directory' || existsSync(folder)) return;
  throw new EntError('OBJECT_STORE_DENIED', `the folder of objects ${folder} is not there`, {
    hint: 'check ENTDB_DATA_DIR, or name a bucket by ENTDB_OBJECT_STORE=s3 and ENTDB_S3_BUCKET',
  });
}

/** A restore asks for what appliers published in the last hour: to read the topic's whole day would take longer than most restores. */
const publishedSinceMs = 3_600_000;

/** What appliers published of these tenants; undefined where the log is not at hand. */
export async function publishedOf(
  { wal }: Places,
  tenantIds: readonly string[],
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<DigestLedger | undefined> {
  if (!wal) return undefined;
  const sinceMs = clock.now() - publishedSinceMs;
  return readPublishedDigests(wal, new Set(tenantIds), { sinceMs, ...(signal && { signal }) });
}
