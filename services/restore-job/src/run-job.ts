import { mkdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isEntError, realClock, realRng, toError, type Logger } from '@entdb/base';
import { parseSettings, type Env } from '@entdb/config';
import {
  exitCodeOf,
  exitCodes,
  openPlaces,
  parseTarget,
  publishedOf,
  previewInPlace,
  restoreAll,
  restoreInPlace,
  undoWords,
  type ExitCode,
  type Outcome,
} from '@entdb/restore';
import type { RestoreTarget } from '@entdb/snapshot';
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
    logger.error({ ...factsOf(error), err: toError(error) }, 'the restore was not begun');
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
  if (settings.inPlace) return runInPlace(settings, target, logger, signal);
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
      delta: settings.delta,
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

/** The live tenant, through the log. Settings see to it that it is one tenant, confirmed, and that the key is the same at every start. */
async function runInPlace(
  settings: RestoreJobSettings,
  target: RestoreTarget,
  logger: Logger,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { tenants: tenantId, key = '', verdictWaitMs: waitMs } = settings;
  const workDir = join(settings.outputDir, '.in-place');
  mkdirSync(workDir, { recursive: true });
  const places = openPlaces(settings, { archiveOnly: false });
  const request = {
    places,
    clock: realClock,
    rng: realRng,
    tenantId,
    target,
    workDir,
    sample: 20,
    signal,
  };
  try {
    const preview = await previewInPlace(request);
    logger.info({ tenantId, preview }, 'what will change');
    const report = await restoreInPlace({ ...request, key, waitMs }, preview);
    logger.info({ tenantId, report, undo: undoWords(report) }, 'restored in place');
    const exitCode = preview.passedOver.length === 0 ? exitCodes.ok : exitCodes.doubtful;
    logger.info({ exitCode }, 'the job is done');
    return exitCode;
  } catch (error) {
    tell({ kind: 'failed', tenantId, error }, logger);
    return exitCodeOf(error);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
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
  logger.error({ ...factsOf(error), tenantId, err: toError(error) }, 'not restored');
}

/** Code, object, position and hint, as fields that a log can be searched by. */
const factsOf = (error: unknown): object =>
  isEntError(error) ? { code: error.code, ...error.facts, cause: undefined } : {};
