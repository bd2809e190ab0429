import type { MetaRow } from '../rows.ts';
import type { TenantPosition, TenantReader } from '../store.ts';
import { createCatalogCache } from './catalog-cache.ts';
import { listEdges } from './edges.ts';
import { getNode, getNodeByKey, getNodes } from './get-nodes.ts';
import { countUnread, listMailbox, searchMailbox } from './mailbox.ts';
import { listNeighbors } from './neighbors.ts';
import { queryNodes } from './query-nodes.ts';
import { openReadFile } from './read-file.ts';
import { searchNodes } from './search-nodes.ts';
import { getResult, getSchema, getTenant } from './tenant.ts';

export interface OpenReaderOptions {
  /** The tenant's own folder. */
  readonly dir: string;
  readonly tenantId: string;
}

/**
 * Opens a tenant's two files for reading. Any number of readers may be open beside the one writer; each read sees what was committed when it
 * began. Throws STORE_MISSING, STORE_CORRUPT, STORE_UNAVAILABLE, UNKNOWN_FORMAT.
 */
export function openTenantReader({ dir, tenantId }: OpenReaderOptions): TenantReader {
  const canonical = openReadFile(dir, 'canonical.db', tenantId);
  const mailbox = openMailbox();
  const catalogs = createCatalogCache(canonical);
  const files = { canonical, mailbox };

  function openMailbox() {
    try {
      return openReadFile(dir, 'mailbox.db', tenantId);
    } catch (error) {
      canonical.close();
      throw error;
    }
  }

  return {
    tenantId,
    position: (file) => files[file].read(({ meta }) => positionOf(meta)),
    getNode: (request) => getNode(canonical, request),
    getNodes: (request) => getNodes(canonical, request),
    getNodeByKey: (request) => getNodeByKey(canonical, catalogs, request),
    queryNodes: (request) => queryNodes(canonical, catalogs, request),
    listEdges: (request) => listEdges(canonical, request),
    listNeighbors: (request) => listNeighbors(canonical, request),
    searchNodes: (request) => searchNodes(canonical, request),
    listMailbox: (request) => listMailbox(mailbox, request),
    searchMailbox: (request) => searchMailbox(mailbox, request),
    countUnread: (request) => countUnread(mailbox, request),
    getResult: (request) => getResult(canonical, request),
    getSchema: (request) => getSchema(canonical, catalogs, request),
    getTenant: () => getTenant(canonical, mailbox),
    close() {
      canonical.close();
      mailbox.close();
    },
  };
}

function positionOf({
  topic,
  partition,
  offset,
  epoch,
  sequence,
  log_time_us,
}: MetaRow): TenantPosition {
  return { topic, partition, offset, epoch, sequence, logTimeUs: log_time_us };
}
