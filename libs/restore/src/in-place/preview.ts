import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, type Clock, type Rng } from '@entdb/base';
import {
  restoreTenant,
  type LogAtHand,
  type Point,
  type RestoreReport,
  type RestoreTarget,
} from '@entdb/snapshot';
import { diffTenants, type TenantDiff } from '@entdb/tenant-store';
import type { ObjectStore } from '@entdb/object-store';
import type { Places } from '../places.ts';
import { createProgressMeter, type Progress } from '../progress.ts';
import { findUndone, type Undone } from './undone.ts';

export interface InPlaceRequest {
  readonly places: Places;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly tenantId: string;
  /** Not `latest`: that is where the tenant is. */
  readonly target: RestoreTarget;
  /** A folder of the caller's: two copies of the tenant are made in it, and removed. */
  readonly workDir: string;
  /** Ids and keys to name for each kind of change. */
  readonly sample: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** What a restore in place would do, found out by doing it beside the tenant. */
export interface InPlacePreview {
  readonly tenantId: string;
  /** The record whose state comes back. */
  readonly target: Point;
  readonly digests: RestoreReport['digests'];
  /** Where the tenant stands, as the log had it when this was asked. */
  readonly now: Point;
  readonly epoch: number;
  readonly undone: Undone;
  /** From the present state to the one that comes back. */
  readonly changes: Pick<TenantDiff, 'nodes' | 'edges' | 'items'>;
  readonly passedOver: RestoreReport['passedOver'];
}

/** Restores both states beside the tenant, compares them, and removes them again. */
export async function previewInPlace(request: InPlaceRequest): Promise<InPlacePreview> {
  const folders = [join(request.workDir, 'now'), join(request.workDir, 'then')] as const;
  try {
    return await makePreview(request, folders);
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

async function makePreview(
  request: InPlaceRequest,
  [nowDir, thenDir]: readonly [string, string],
): Promise<InPlacePreview> {
  const { places, tenantId, target, sample, signal } = request;
  if (target.kind === 'latest')
    throw new EntError('INVALID_TARGET', 'the latest record is where the tenant is already', {
      tenantId,
      hint: 'name a time, a position, a sequence or a key before it',
    });
  const log = logAtHand(places, tenantId);
  const then = await restoreBeside(request, log, target, thenDir);
  const now = await restoreBeside(request, log, { kind: 'latest' }, nowDir);
  if (then.reached.sequence >= now.reached.sequence)
    throw new EntError(
      'INVALID_TARGET',
      `the tenant stands at record ${now.reached.sequence}, and that is the target: there is nothing to undo`,
      { tenantId, hint: 'name an earlier record' },
    );
  const { nodes, edges, items } = diffTenants({
    tenantId,
    before: join(nowDir, tenantId),
    after: join(thenDir, tenantId),
    sample,
  });
  const undone = await findUndone({
    store: places.store,
    log,
    tenantId,
    after: then.reached,
    upTo: now.reached,
    sample,
    ...(signal && { signal }),
  });
  return {
    tenantId,
    target: then.reached,
    digests: then.digests,
    now: now.reached,
    epoch: now.epoch,
    undone,
    changes: { nodes, edges, items },
    passedOver: [...then.passedOver, ...now.passedOver],
  };
}

/** Throws LOG_UNAVAILABLE. */
export function logAtHand(places: Places, tenantId: string): LogAtHand {
  const log = places.logOf(tenantId);
  if (log) return log;
  throw new EntError(
    'LOG_UNAVAILABLE',
    'a restore in place goes through the log, which is not at hand',
    {
      tenantId,
      hint: 'set ENTDB_LOG and ENTDB_DATA_DIR or ENTDB_KAFKA_BROKERS as the gateway has them',
    },
  );
}

/** What a killed preview left behind is gone on with, or replaced. */
async function restoreBeside(
  { places, clock, rng, tenantId, signal, onProgress }: InPlaceRequest,
  log: LogAtHand,
  target: RestoreTarget,
  outputDir: string,
): Promise<RestoreReport> {
  const meter = createProgressMeter(tenantId, clock);
  const store: ObjectStore = places.store;
  return restoreTenant({
    store,
    clock,
    rng,
    tenantId,
    target,
    log,
    outputDir,
    force: true,
    short: 'refuse',
    ...(signal && { signal }),
    ...(onProgress && { onProgress: (progress) => onProgress(meter(progress)) }),
  });
}
