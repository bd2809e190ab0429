import type { TenantRestored } from '@entdb/contracts';
import type { Damage } from './damage.ts';
import { restoreStep, type RestoreRequest } from './restore.ts';
import { fetchRestoredState } from './restored-state.ts';

/**
 * Brings the files of the state that an accepted TenantRestored record names into an empty folder, for `adoptRestored`: from the record's own objects, or where those
 * are gone or damaged from snapshots, archive and the log at hand. Gives what could not be used. Whatever is thrown or killed, the folder is to be thrown away.
 */
export async function bringRestoredState(
  restored: TenantRestored,
  dir: string,
  sources: Pick<RestoreRequest, 'store' | 'tenantId' | 'log' | 'signal'>,
): Promise<readonly Damage[]> {
  const unusable = new Map<string, Damage>();
  const onPassedOver = (damage: Damage): void => {
    if (!unusable.has(damage.object)) unusable.set(damage.object, damage);
  };
  const { store, tenantId, signal } = sources;
  const rebuild = async (sequence: number, into: string): Promise<void> => {
    (await restoreStep(sources, sequence, into)).forEach(onPassedOver);
  };
  const ports = { store, tenantId, rebuild, onPassedOver, ...(signal && { signal }) };
  await fetchRestoredState(restored, dir, ports);
  return [...unusable.values()];
}
