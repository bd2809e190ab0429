import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where folders are made on the volume, one for each tenant; apart from each other, because only a restore goes on where it stopped. */
export interface HealFolders {
  readonly restores: string;
  readonly adoptions: string;
  /** Whether an earlier process left something. */
  any(): boolean;
  /** Removes what was made for others than these. */
  sweep(tenantIds: readonly string[]): void;
}

export function healFolders(dir: string): HealFolders {
  const restores = join(dir, 'healing');
  const adoptions = join(dir, 'adopting');
  return {
    restores,
    adoptions,
    any: () => [restores, adoptions].some((folder) => entriesOf(folder).length > 0),
    sweep(tenantIds) {
      const kept = new Set(tenantIds.flatMap((id) => [id, `.restore-${id}`]));
      for (const folder of [restores, adoptions])
        for (const name of entriesOf(folder))
          if (!kept.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
    },
  };
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
