import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseTenantId, partitionOf, realClock, realRng, silentLogger } from '@entdb/base';
import type { LogSettings, ObjectStoreSettings } from '@entdb/config';
import { logOf, objectStoreOf } from '@entdb/fleet';
import type { ObjectStore } from '@entdb/object-store';
import type { LogAtHand } from '@entdb/snapshot';
import { archiverGroup, walTopic } from '@entdb/wal';

/** Where a restore reads from. */
export interface Places {
  readonly store: ObjectStore;
  /** The log of a tenant; undefined where it is not at hand. */
  logOf(tenantId: string): LogAtHand | undefined;
  close(): Promise<void>;
}

/** Connects to nothing yet, and makes nothing: an embedded log whose folder is not there is not at hand. */
export function openPlaces(
  settings: LogSettings & ObjectStoreSettings,
  { archiveOnly }: { readonly archiveOnly: boolean },
): Places {
  const ports = { logger: silentLogger, clock: realClock, rng: realRng };
  const store = objectStoreOf(settings, ports);
  const isThere = settings.log === 'kafka' || existsSync(join(settings.dataDir, 'log'));
  const wal = archiveOnly || !isThere ? undefined : logOf(settings, ports).wal;
  return {
    store,
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
