import { join } from 'node:path';
import { realClock } from '@entdb/base';
import { createClient } from '@entdb/client';
import { parseSettings } from '@entdb/config';
import { startFleet } from '@entdb/deploy/local';
import { startS3 } from '@entdb/deploy/s3';
import { openPlaces, recoverySettings, type Places } from '@entdb/restore';
import { loadCatalog, makeSnapshot } from '@entdb/snapshot';
import { compareCommit, waysToRestore } from './compare.ts';
import { readHistory } from './git.ts';
import { replayHistory, type Placed } from './replay.ts';
import { shuffled } from './sample.ts';
import { schema } from './schema.ts';

export interface RunOptions {
  readonly repo: string;
  /** A folder of the run's own. */
  readonly dir: string;
  /** Commits that are restored to, at the most. */
  readonly sample: number;
  readonly seed: number;
  /** On an S3 server that is started for it; else in a directory. */
  readonly s3?: boolean;
  readonly say: (line: string) => void;
}

export interface Tally {
  readonly commits: number;
  readonly restored: number;
  readonly equal: number;
  readonly different: number;
}

const tenantId = 'git-history';
const archiveTimeoutMs = 120_000;

/**
 * Replays a repository's first-parent history into a tenant of a fleet of its own, with a snapshot half-way, waits for the archive, stops the fleet, and
 * restores to random commits from the objects alone.
 */
export async function runGitHistory(options: RunOptions): Promise<Tally> {
  const { repo, dir, sample, seed, say } = options;
  const dataDir = join(dir, 'data');
  const s3 = options.s3 === true ? await openBucket(join(dir, 's3')) : undefined;
  const fleet = await startFleet({
    dataDir,
    archivers: 1,
    env: {
      ENTDB_OPERATIONS_MAX: '5000',
      ENTDB_ARCHIVE_SEGMENT_BYTES: '64KiB',
      ENTDB_ARCHIVE_IDLE: '200ms',
      ...s3?.env,
    },
    onEvent: say,
  });
  let places: Places | undefined;
  try {
    await fleet.ready(); // by then the place for objects is there
    const env = { ENTDB_DATA_DIR: dataDir, ...s3?.env };
    places = openPlaces(parseSettings(recoverySettings, env), { archiveOnly: true });
    const commits = await write(options, fleet, places);
    await fleet.stop();
    const chosen = shuffled(commits, seed).slice(0, sample);
    const comparison = { repo, tenantId, places, commits, scratchDir: join(dir, 'restored') };
    let different = 0;
    for (const [index, placed] of chosen.entries()) {
      const differences = await compareCommit(comparison, placed);
      different += differences.length;
      for (const difference of differences) say(`DIFFERENT: ${difference}`);
      if ((index + 1) % 50 === 0) say(`compared ${index + 1} of ${chosen.length} commits`);
    }
    const restored = chosen.length * waysToRestore;
    return { commits: commits.length, restored, equal: restored - different, different };
  } finally {
    await places?.close();
    await fleet.stop();
    await s3?.stop();
  }
}

/** A bucket of a server of its own, and the settings that name it. */
async function openBucket(dir: string) {
  const server = await startS3({ dir });
  await server.createBucket('git-history');
  const { endpoint, region, credentials } = server;
  return {
    env: {
      ENTDB_OBJECT_STORE: 's3',
      ENTDB_S3_BUCKET: 'git-history',
      ENTDB_S3_ENDPOINT: endpoint,
      ENTDB_S3_REGION: region,
      ENTDB_S3_ACCESS_KEY_ID: credentials.accessKeyId,
      ENTDB_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    stop: () => server.stop(),
  };
}

async function write(
  { repo, dir, say }: RunOptions,
  fleet: Awaited<ReturnType<typeof startFleet>>,
  places: Places,
): Promise<readonly Placed[]> {
  const history = await readHistory(repo);
  const client = createClient({ endpoint: fleet.endpoint, schema });
  const commits: Placed[] = [];
  try {
    for await (const placed of replayHistory(client, tenantId, history)) {
      commits.push(placed);
      if (commits.length === Math.ceil(history.length / 2)) {
        await archived(places, commits.length);
        const { store } = places;
        const made = await makeSnapshot({ store, tenantId, cacheDir: join(dir, 'cache') });
        say(`snapshot after commit ${commits.length}: ${made.kind}`);
      }
    }
  } finally {
    await client.close();
  }
  await archived(places, commits.length);
  say(`replayed ${commits.length} commits, and all of them are archived`);
  return commits;
}

/** Resolves when the archive has so many records of the tenant. */
async function archived({ store }: Places, records: number): Promise<void> {
  const deadlineMs = realClock.monotonic() + archiveTimeoutMs;
  for (;;) {
    const { windows } = await loadCatalog(store, tenantId);
    if ((windows.at(-1)?.last.sequence ?? 0) >= records) return;
    if (realClock.monotonic() > deadlineMs)
      throw new Error(`the archive has not come to record ${records}`);
    await realClock.sleep(50);
  }
}
