import { hostname } from 'node:os';
import { isEntError, realClock, realRng, toError, type Logger } from '@entdb/base';
import { parseSettings, type Env } from '@entdb/config';
import {
  exitCodeOf,
  openPlaces,
  parseTarget,
  publishedOf,
  restoreAll,
  type ExitCode,
  type Outcome,
} from '@entdb/restore';
import { createLogger } from '@entdb/telemetry';
import { restoreJobSettings, type RestoreJobSettings } from './config.ts';

/** How often progress is worth a line. */
const progressEveryMs = 5_000;

/**
 * A restore whose flags are its environment, for a Kubernetes Job: every line of output is JSON, the report among them. After a crash or a
 * signal the same job goes on where it stopped. Returns the exit code.
 */
export async function runJob(env: Env, signal: AbortSignal): Promise<ExitCode> {
  const logger = createLogger({ service: 'restore-job', instance: hostname() });
  try {
    const settings = parseSettings(restoreJobSettings, env);
    return await run(settings, logger, signal);
  } catch (error) {
    logger.error({ err: toError(error) }, 'the restore was not begun');
    return exitCodeOf(error);
  }
}

async function run(
  settings: RestoreJobSettings,
  logger: Logger,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { archiveOnly, fromScratch, force, outputDir } = settings;
  const target = parseTarget({
    time: settings.targetTime,
    position: settings.targetPosition,
    sequence: settings.targetSequence,
    key: settings.targetKey,
    latest: settings.latest,
    exclusive: settings.exclusive,
  });
  const places = openPlaces(settings, { archiveOnly });
  const toldMs = new Map<string, number>();
  try {
    const tenantIds = [...new Set(settings.tenants.split(','))];
    const ledger = await publishedOf(places, tenantIds, { clock: realClock, signal });
    const { exitCode } = await restoreAll({
      places,
      clock: realClock,
      rng: realRng,
      tenantIds,
      ...(ledger && { published: (tenantId) => ledger.of(tenantId) }),
      parallel: settings.parallel,
      acceptIncomplete: settings.acceptIncomplete,
      target,
      outputDir,
      start: { kind: fromScratch ? 'scratch' : 'best' },
      force,
      archiveOnly,
      signal,
      onProgress: (progress) => {
        const nowMs = realClock.monotonic();
        const since = nowMs - (toldMs.get(progress.tenantId) ?? -Infinity);
        if (progress.state === 'under way' && since < progressEveryMs) return;
        toldMs.set(progress.tenantId, nowMs);
        logger.info({ ...progress }, 'restoring');
      },
      onOutcome: (outcome) => tell(outcome, logger),
    });
    logger.info({ exitCode }, 'the job is done');
    return exitCode;
  } finally {
    await places.close();
  }
}

function tell(outcome: Outcome, logger: Logger): void {
  const { tenantId } = outcome;
  if (outcome.kind === 'restored') {
    logger.info({ tenantId, report: outcome.report }, 'restored');
    return;
  }
  const { error } = outcome;
  const facts = isEntError(error) ? { code: error.code, ...error.facts } : {};
  logger.error({ ...facts, tenantId, err: toError(error) }, 'not restored');
}
