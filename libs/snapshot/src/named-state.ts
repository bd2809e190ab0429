import { mkdirSync, rmSync } from 'node:fs';
import type { TenantRestored } from '@entdb/contracts';
import type { Damage } from './damage.ts';
import { restoreStep, type RestoreRequest } from './restore.ts';
import { fetchRestoredState } from './restored-state.ts';

/**
 * Makes the state that a restore in place names, in a folder of the caller's, for who carries that record out (`adoptRestored`): from the objects that it names or, where those are
 * gone or damaged, from the history. What was in the folder is removed. Returns the damage that the way led around.
 */
export async function restoreNamedState(
  restored: TenantRestored,
  dir: string,
  sources: Pick<RestoreRequest, 'store' | 'tenantId' | 'log' | 'signal'>,
): Promise<readonly Damage[]> {
  const { store, tenantId, signal } = sources;
  const passedOver: Damage[] = [];
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  await fetchRestoredState(restored, dir, {
    store,
    tenantId,
    rebuild: async (sequence, into) => {
      passedOver.push(...(await restoreStep(sources, sequence, into)));
    },
    onPassedOver: (damage) => void passedOver.push(damage),
    ...(signal && { signal }),
  });
  return passedOver;
}
