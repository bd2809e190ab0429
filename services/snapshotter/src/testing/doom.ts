import { invariant } from '@entdb/base';
import { steps, type Doom } from './steps.ts';

/** What ENTDB_DOOM_STEP, ENTDB_DOOM_NTH (default 1) and ENTDB_DOOM_TENANT (default: any) say. */
export function doomOf(env: NodeJS.ProcessEnv): Doom {
  const step = steps.find((one) => one === env['ENTDB_DOOM_STEP']);
  const nth = Number(env['ENTDB_DOOM_NTH'] ?? 1);
  invariant(step && nth >= 1, `ENTDB_DOOM_STEP must be one of: ${steps.join(', ')}`);
  const tenantId = env['ENTDB_DOOM_TENANT'];
  return tenantId === undefined ? { step, nth } : { step, nth, tenantId };
}

/** How a thread ends, by ENTDB_DOOM_END: with its process (`kill`, the default), or never, inside a call that does not come back (`block`). */
export function endOf(env: NodeJS.ProcessEnv): () => void {
  if (env['ENTDB_DOOM_END'] !== 'block') return () => process.kill(process.pid, 'SIGKILL');
  return () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
