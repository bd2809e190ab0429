import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isEntError, toError, type Clock, type Logger, type Rng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { loadCatalog, restoreTenant, type PlanStart } from '@entdb/snapshot';
import {
  openTenantWriter,
  tenantDir,
  tenantFacts,
  tenantFileNames,
  type TenantPosition,
} from '@entdb/tenant-store';
import type { HealFolders } from './folders.ts';
import type { RestoredFiles, RestoreJob } from './protocol.ts';

export interface HealPorts {
  readonly store: ObjectStore;
  /** Of the volume. */
  readonly dir: string;
  readonly folders: HealFolders;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What time mends, or a person with a setting or a disk; the files are as good as before. */
export function mayPass(error: unknown): boolean {
  const codes = ['OBJECT_STORE_UNAVAILABLE', 'OBJECT_STORE_DENIED', 'STORE_UNAVAILABLE'] as const;
  return codes.some((code) => isEntError(error, code));
}

/**
 * Makes a tenant's files from the object store, as far as the archive reaches. The files that the volume has, or that an earlier run left, are gone on from,
 * where they are sound: then only what they lack is fetched. Otherwise from the newest sound snapshot, or from the first record.
 *
 * Nothing is changed but in the folder for restores. No lease is taken, so that an applier need only read the store: what retention removes under its hands is
 * planned anew, and retention never breaks the way that is left.
 */
export async function restoreFolder(
  ports: HealPorts,
  { tenantId, ownMayDo }: RestoreJob,
): Promise<RestoredFiles> {
  const { dir, folders, logger, signal } = ports;
  const own = ownMayDo ? await wholeOwnFiles(ports, tenantId) : undefined;
  if (own) return { kind: 'own', position: own };
  const target = join(folders.restores, tenantId);
  const discard = () => rmSync(target, { recursive: true, force: true });
  takeOwnFiles(tenantDir(dir, tenantId), target);
  const base = existsSync(target) ? baseIn(target, tenantId) : undefined;
  if (base) {
    try {
      return await restoreFrom(ports, tenantId, base);
    } catch (error) {
      if (signal.aborted || mayPass(error)) throw error;
      logger.warn(
        { tenantId, err: toError(error) },
        'the files at hand are no base for what is missing: beginning with a snapshot',
      );
    }
  }
  discard();
  return restoreFrom(ports, tenantId, { kind: 'best' });
}

async function restoreFrom(
  { store, folders, clock, rng, signal }: HealPorts,
  tenantId: string,
  from: PlanStart,
): Promise<RestoredFiles> {
  const { passedOver } = await restoreTenant({
    store,
    clock,
    rng,
    tenantId,
    target: { kind: 'latest' },
    from,
    outputDir: folders.restores,
    force: true,
    inOwnVolume: true,
    lease: false,
    signal,
  });
  const made = join(folders.restores, tenantId);
  rmSync(join(made, 'report.json'), { force: true });
  const { position } = tenantFacts(made, tenantId);
  return { kind: 'made', dir: made, position, passedOver: passedOver.map(({ object }) => object) };
}

/** Where the volume's own files stand, if the archive has nothing beyond: most tenants have been idle while an applier was away. */
async function wholeOwnFiles(
  { dir, store, signal }: HealPorts,
  tenantId: string,
): Promise<TenantPosition | undefined> {
  const own = tenantDir(dir, tenantId);
  if (!existsSync(own)) return undefined;
  let position: TenantPosition;
  try {
    ({ position } = tenantFacts(own, tenantId));
  } catch (error) {
    if (isEntError(error, 'STORE_UNAVAILABLE')) throw error;
    return undefined; // to be made again
  }
  const { sequence } = position;
  const { history } = await loadCatalog(store, tenantId, { afterSequence: sequence, signal });
  const ends = [
    ...history.segments.map(({ lastSequence }) => lastSequence),
    ...history.snapshots.map((snapshot) => snapshot.sequence),
  ];
  const isWhole = sequence > 0 && history.damaged.length === 0 && Math.max(0, ...ends) === sequence;
  return isWhole ? position : undefined;
}

/** A copy of the volume's own files, by one rename. Nobody has them open: the tenant is behind. */
function takeOwnFiles(own: string, target: string): void {
  if (existsSync(target) || !tenantFileNames.every((name) => existsSync(join(own, name)))) return;
  const copy = `${target}.copy`; // no tenant id has a dot in it
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const name of tenantFileNames)
    for (const side of ['', '-wal'])
      if (existsSync(join(own, name + side)))
        cpSync(join(own, name + side), join(copy, name + side));
  renameSync(copy, target);
}

/** Where the files stand; undefined where they are not to be used. */
function baseIn(target: string, tenantId: string): PlanStart | undefined {
  try {
    const writer = openTenantWriter({ dir: target, tenantId, create: false, check: 'quick' });
    const { sequence, offset, logTimeUs } = writer.position;
    writer.close();
    const at = { sequence, offset, timeMs: logTimeUs / 1000 };
    return sequence > 0 ? { kind: 'folder', at } : undefined;
  } catch (error) {
    if (isEntError(error, 'STORE_UNAVAILABLE')) throw error;
    return undefined; // whatever is wrong with them, they can be made again
  }
}
