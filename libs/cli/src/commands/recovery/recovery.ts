import { realClock, realRng } from '@entdb/base';
import { parseSettings, type Env } from '@entdb/config';
import { openPlaces, recoverySettings, type Places, type RecoverySettings } from '@entdb/restore';
import type { Output } from '../../ui/output.ts';

/** What every recovery command is handed. */
export interface Surroundings {
  readonly env: Env;
  readonly output: Output;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

export interface Recovery {
  readonly places: Places;
  readonly settings: RecoverySettings;
  readonly clock: typeof realClock;
  readonly rng: typeof realRng;
}

/** Lends the places that the settings name, and closes them whatever happens. */
export async function withPlaces<T>(
  { env }: Surroundings,
  options: { readonly archiveOnly: boolean },
  use: (recovery: Recovery) => Promise<T>,
): Promise<T> {
  const settings = parseSettings(recoverySettings, env);
  const places = openPlaces(settings, options);
  try {
    return await use({ places, settings, clock: realClock, rng: realRng });
  } finally {
    await places.close();
  }
}
