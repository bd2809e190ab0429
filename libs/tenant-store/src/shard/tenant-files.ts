import { EntError, isEntError, type Logger } from '@entdb/base';
import type { TenantWriter } from '../store.ts';
import { createHandleCache } from './handle-cache.ts';
import type { Roster } from './roster.ts';
import { behindFrom } from './known-tenant.ts';
import { identityOf, moveAside, tenantDir } from './tenant-folder.ts';

export type OpenWriter = (options: {
  readonly dir: string;
  readonly tenantId: string;
  readonly create: boolean;
}) => TenantWriter;

export interface TenantFilesOptions {
  readonly dir: string;
  readonly openTenantsMax: number;
  readonly openWriter: OpenWriter;
  readonly roster: Roster;
  /** Where this process began in a partition. */
  readonly beganAt: (partition: number) => number;
  readonly logger: Logger;
}

/** The files of a shard's tenants: open as long as there is room, trusted as long as they are what they were, and moved aside otherwise. */
export interface TenantFiles {
  /** Throws STORE_MISSING, STORE_CORRUPT, STORE_UNAVAILABLE. Not to be kept. */
  writer(tenantId: string): TenantWriter;
  /** What was written to since its last sync. */
  readonly dirty: ReadonlySet<string>;
  wrote(tenantId: string): void;
  /** Returns the offset that survives from now on. Throws STORE_MISSING, STORE_CORRUPT: the tenant must be rebuilt. */
  sync(tenantId: string): number;
  /** Syncs if need be, and closes. */
  letGo(tenantId: string): void;
  /** Closes as they are: other files are about to take their place. */
  abandon(tenantId: string): void;
  /** Moves the tenant's files aside: it is behind from its first record. */
  rebuild(tenantId: string, error: EntError): void;
  /** Does what the tenant's files are needed for; files that cannot be trusted are replaced, and the answer is undefined. */
  trusting<T>(tenantId: string, work: () => T): T | undefined;
  /** Rebuilds tenants whose open files are no longer those under their names. */
  replaceStrangers(): void;
  close(): void;
}

interface Handle {
  readonly writer: TenantWriter;
  readonly identity: string | undefined;
}

export function createTenantFiles(options: TenantFilesOptions): TenantFiles {
  const { dir, roster, logger } = options;
  const dirty = new Set<string>();

  const open = (tenantId: string): Handle => {
    const tenant = roster.get(tenantId);
    const reached =
      tenant.state.kind === 'active' ? options.beganAt(tenant.partition) : tenant.state.fromOffset;
    const create = !tenant.opened && reached <= tenant.firstOffset;
    const writer = options.openWriter({ dir: tenantDir(dir, tenantId), tenantId, create });
    if (writer.position.offset < tenant.syncedOffset) {
      const { offset } = writer.position;
      writer.close();
      throw new EntError(
        'STORE_CORRUPT',
        `files of tenant ${tenantId} end at offset ${offset}, and had ${tenant.syncedOffset} before`,
        { tenantId },
      );
    }
    roster.opened(tenantId);
    return { writer, identity: identityOf(dir, tenantId) };
  };

  const syncHandle = (tenantId: string, { writer, identity }: Handle): number => {
    if (identityOf(dir, tenantId) !== identity) throw takenAway(tenantId);
    try {
      const offset = writer.sync();
      roster.synced(tenantId, offset);
      dirty.delete(tenantId);
      return offset;
    } catch (error) {
      if (!isEntError(error, 'STORE_UNAVAILABLE') || wasNotTried(error)) throw error;
      // The system forgets what it could not write, and says yes the next time: only the log knows what is missing.
      throw new EntError('STORE_CORRUPT', `a sync of files of tenant ${tenantId} failed`, {
        tenantId,
        cause: error,
      });
    }
  };

  /** What goes wrong when files are let go is their own tenant's affair, whoever's turn it is. */
  const release = (handle: Handle, tenantId: string): void => {
    let untrusted: EntError | undefined;
    try {
      if (dirty.has(tenantId)) syncHandle(tenantId, handle);
    } catch (error) {
      if (mustBeRebuilt(error)) untrusted = error;
      else if (isEntError(error, 'STORE_UNAVAILABLE'))
        logger.warn({ tenantId, err: error }, 'files are not synced yet; the checkpoint waits');
      else throw error;
    } finally {
      handle.writer.close();
    }
    if (untrusted) rebuild(tenantId, untrusted); // not before the files are closed: SQLite closes them by their names
  };

  const handles = createHandleCache<Handle>({
    openMax: options.openTenantsMax,
    open,
    close: release,
  });

  const abandon = (tenantId: string): void => {
    dirty.delete(tenantId);
    handles.drop(tenantId);
  };

  const rebuild = (tenantId: string, error: EntError): void => {
    const { firstOffset } = roster.get(tenantId);
    logger.error(
      { tenantId, firstOffset, code: error.code, err: error },
      'tenant files cannot be trusted: rebuilding from the log',
    );
    abandon(tenantId);
    moveAside(dir, tenantId);
    roster.change([{ tenantId, state: behindFrom(firstOffset), syncedOffset: -1 }]);
  };

  return {
    writer: (tenantId) => handles.get(tenantId).writer,
    dirty,
    wrote: (tenantId) => void dirty.add(tenantId),
    sync: (tenantId) => syncHandle(tenantId, handles.get(tenantId)),
    letGo: (tenantId) => handles.drop(tenantId),
    abandon,
    rebuild,
    trusting(tenantId, work) {
      try {
        return work();
      } catch (error) {
        if (!mustBeRebuilt(error)) throw error;
        rebuild(tenantId, error);
        return undefined;
      }
    },
    replaceStrangers() {
      for (const [tenantId, { identity }] of handles.entries())
        if (identityOf(dir, tenantId) !== identity) rebuild(tenantId, takenAway(tenantId));
    },
    close: () => handles.close(),
  };
}

function takenAway(tenantId: string): EntError {
  return new EntError('STORE_MISSING', `files of tenant ${tenantId} were taken away`, { tenantId });
}

function mustBeRebuilt(error: unknown): error is EntError {
  return isEntError(error, 'STORE_MISSING') || isEntError(error, 'STORE_CORRUPT');
}

/** Whether a sync failed before it came to the disk. */
function wasNotTried(error: EntError): boolean {
  const { cause } = error.facts;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return ['EMFILE', 'ENFILE', 'ENOMEM'].includes(code);
}
