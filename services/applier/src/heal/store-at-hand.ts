import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseTenantId } from '@entdb/base';
import type { ObjectStoreSettings } from '@entdb/config';
import type { ObjectStore } from '@entdb/object-store';
import { listArchivedTenants } from '@entdb/snapshot';

/** The object store as the event loop needs it: whether it is there, and whose history it has. Bytes are the healer thread's business. */
export interface StoreAtHand {
  /**
   * Why there is none: nobody has set one up, and so nothing was archived there. Undefined: it can be read. Throws OBJECT_STORE_UNAVAILABLE,
   * OBJECT_STORE_DENIED.
   */
  missing(signal: AbortSignal): Promise<string | undefined>;
  /** All tenants that it has anything of. */
  tenants(signal: AbortSignal): Promise<readonly string[]>;
}

export function createStoreAtHand(
  store: ObjectStore,
  { objectStore, dataDir }: Pick<ObjectStoreSettings, 'objectStore' | 'dataDir'>,
): StoreAtHand {
  const folder = join(dataDir, 'objects');
  return {
    async missing(signal) {
      if (objectStore === 'directory' && !existsSync(folder))
        return `there is no object store: ENTDB_OBJECT_STORE is directory, and ${folder} has not been made`;
      // The first name is enough: it can be reached, and may be read.
      for await (const _ of store.folders('', { signal })) break;
      return undefined;
    },
    async tenants(signal) {
      const names = await listArchivedTenants(store, { signal });
      return names.filter(isTenantId); // other folders are nobody's
    },
  };
}

function isTenantId(name: string): boolean {
  try {
    parseTenantId(name);
    return true;
  } catch {
    return false; // the answer to the question
  }
}
