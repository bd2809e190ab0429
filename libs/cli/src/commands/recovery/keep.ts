import { snapshotId } from '@entdb/archive-format';
import { EntError, parseTenantId } from '@entdb/base';
import { exitCodes, type ExitCode } from '@entdb/restore';
import { keepSnapshot, keptSnapshots, loadCatalog, releaseSnapshot } from '@entdb/snapshot';
import { withPlaces, type Recovery, type Surroundings } from './recovery.ts';

interface KeepFlags {
  readonly tenantId: string;
  readonly snapshotId: string;
}

/** `entdb restore keep`: retention leaves this snapshot alone until it is released. Done twice it changes nothing. */
export async function keep(
  flags: KeepFlags & { readonly note: string },
  surroundings: Surroundings,
): Promise<ExitCode> {
  const tenantId = parseTenantId(flags.tenantId);
  return withPlaces(surroundings, { archiveOnly: true }, async ({ places: { store } }) => {
    const { signal } = surroundings;
    const { history } = await loadCatalog(store, tenantId, { signal });
    const ids = history.snapshots.map(({ logTimeUs }) => snapshotId(logTimeUs / 1000));
    if (!ids.includes(flags.snapshotId)) throw noSuchSnapshot(flags, ids.at(-1));
    const kept = await keptSnapshots(store, tenantId, { signal });
    await keepSnapshot(store, tenantId, flags.snapshotId, flags.note);
    tell(flags, { kept: true, changed: !kept.has(flags.snapshotId) }, surroundings);
    return exitCodes.ok;
  });
}

/** `entdb restore release`: ends it. Of a snapshot that is not there any more too. */
export async function release(flags: KeepFlags, surroundings: Surroundings): Promise<ExitCode> {
  const tenantId = parseTenantId(flags.tenantId);
  const { signal } = surroundings;
  return withPlaces(surroundings, { archiveOnly: true }, async ({ places: { store } }) => {
    const isKept = (await keptSnapshots(store, tenantId, { signal })).has(flags.snapshotId);
    if (!isKept) await assertThere(store, flags, signal);
    await releaseSnapshot(store, tenantId, flags.snapshotId);
    tell(flags, { kept: false, changed: isKept }, surroundings);
    return exitCodes.ok;
  });
}

/** A name that is mistyped must not pass for one that was never protected. */
async function assertThere(
  store: Recovery['places']['store'],
  flags: KeepFlags,
  signal: AbortSignal,
): Promise<void> {
  const { history } = await loadCatalog(store, flags.tenantId, { signal });
  const ids = history.snapshots.map(({ logTimeUs }) => snapshotId(logTimeUs / 1000));
  if (!ids.includes(flags.snapshotId)) throw noSuchSnapshot(flags, ids.at(-1));
}

function noSuchSnapshot({ tenantId, snapshotId: id }: KeepFlags, newest: string | undefined) {
  return new EntError('SNAPSHOT_NOT_FOUND', `tenant ${tenantId} has no complete snapshot ${id}`, {
    tenantId,
    hint: newest
      ? `the newest is ${newest}; entdb restore list-snapshots prints all`
      : 'it has no snapshot at all: check the tenant id, the bucket and its prefix',
  });
}

function tell(
  { tenantId, snapshotId: id }: KeepFlags,
  { kept, changed }: { readonly kept: boolean; readonly changed: boolean },
  { output, json }: Surroundings,
): void {
  if (json) return output.json({ tenantId, snapshotId: id, kept, changed });
  const already = changed ? '' : ', as it was before';
  output.line(`${id} of ${tenantId} is ${kept ? 'protected' : 'not protected'}${already}`);
}
