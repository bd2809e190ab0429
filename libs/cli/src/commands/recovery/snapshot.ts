import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTenantId, realClock, realRng, silentLogger } from '@entdb/base';
import { openObjectStore } from '@entdb/fleet';
import { parseSettings } from '@entdb/config';
import { exitCodes, recoverySettings, type ExitCode } from '@entdb/restore';
import { makeSnapshot } from '@entdb/snapshot';
import type { Surroundings } from './recovery.ts';

/** `entdb snapshot`: makes one now, of what is archived, fetches it again and opens it. A tenant that has a snapshot of its last archived record gets no other. */
export async function snapshot(tenant: string, surroundings: Surroundings): Promise<ExitCode> {
  const { env, output, json, signal } = surroundings;
  const tenantId = parseTenantId(tenant);
  const ports = { logger: silentLogger, clock: realClock, rng: realRng };
  const store = await openObjectStore(parseSettings(recoverySettings, env), ports, signal);
  const cacheDir = mkdtempSync(join(tmpdir(), 'entdb-snapshot-'));
  try {
    const outcome = await makeSnapshot({ store, tenantId, cacheDir, signal });
    if (json) output.json(outcome);
    else if (outcome.kind === 'current')
      output.line(`${tenantId} has a snapshot of its last archived record, ${outcome.at.sequence}`);
    else {
      const { id, manifest, passedOver } = outcome;
      output.line(
        `${id}: position ${manifest.position.offset}, record ${manifest.sequence}, verified`,
      );
      for (const { object, reason } of passedOver) output.note(`passed over ${object}: ${reason}`);
    }
    return outcome.kind === 'made' && outcome.passedOver.length > 0
      ? exitCodes.doubtful
      : exitCodes.ok;
  } finally {
    await store.close();
    rmSync(cacheDir, { recursive: true, force: true });
  }
}
