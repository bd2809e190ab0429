import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { holdFile, tenantFacts, tenantFileNames, type TenantFacts } from '@entdb/tenant-store';

/**
 * As `tenantFacts`, and leaves nothing beside the files that was not there. To read in SQLite's WAL mode makes `-wal` and `-shm`, and a reader may not take
 * them away again.
 */
export function factsOfFiles(dir: string, tenantId: string): TenantFacts {
  const paths = tenantFileNames.map((name) => join(dir, name));
  const isOpen = (path: string) => existsSync(`${path}-wal`) || existsSync(`${path}-shm`);
  const closed = paths.filter((path) => existsSync(path) && !isOpen(path));
  try {
    return tenantFacts(dir, tenantId);
  } finally {
    for (const path of closed.filter(isOpen)) closeFile(path);
  }
}

/** A file that another process has opened meanwhile is that one's to close. */
function closeFile(path: string): void {
  const hold = holdFile(path);
  // Who holds a file alone has no use for shared memory, so SQLite leaves it where it is; nobody else has it open either.
  if (hold) rmSync(`${path}-shm`, { force: true });
  hold?.release();
}
