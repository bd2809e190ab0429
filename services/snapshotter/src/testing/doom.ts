import { invariant } from '@entdb/base';
import { steps, type Doom } from './steps.ts';

/** What ENTDB_DOOM_STEP and ENTDB_DOOM_NTH (default 1) say. */
export function doomOf(env: NodeJS.ProcessEnv): Doom {
  const step = steps.find((one) => one === env['ENTDB_DOOM_STEP']);
  const nth = Number(env['ENTDB_DOOM_NTH'] ?? 1);
  invariant(step && nth >= 1, `ENTDB_DOOM_STEP must be one of: ${steps.join(', ')}`);
  return { step, nth };
}
