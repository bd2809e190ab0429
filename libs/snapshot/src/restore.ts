import { isDeepStrictEqual } from 'node:util';
import { isEntError, type Clock, type Rng } from '@entdb/base';
import { copyExisting } from './existing-files.ts';
import { takeLease, type Lease } from './lease.ts';
import { openOutput, settlePublished } from './output.ts';
import { planShortest } from './planning.ts';
import { reportIn, type RestoreReport } from './report.ts';
import { restoreInto, type Planner, type RestoreWork } from './restore-into.ts';
import { checkTarget } from './target.ts';

export interface RestoreRequest extends RestoreWork {
  readonly clock: Clock;
  readonly rng: Rng;
  /** `<outputDir>/<tenant>` is what will be made. */
  readonly outputDir: string;
  readonly force?: boolean;
  /** With `force`: what is there already is used where it is sound and on the same history, and what need not be fetched is not. */
  readonly delta?: boolean;
  /** The folder lies in a volume that the caller itself owns. */
  readonly inOwnVolume?: boolean;
  /** False where the store may only be read: then retention is not kept away. */
  readonly lease?: boolean;
}

/**
 * Restores a tenant into `<outputDir>/<tenant>`: all of it, checked, or nothing. Throws what keeps it from the target. After a crash, an abort or a store
 * that could not be reached, the same call goes on where it stopped; every other failure leaves nothing behind.
 */
export async function restoreTenant(request: RestoreRequest): Promise<RestoreReport> {
  const { outputDir, tenantId, lease: wantsLease = true } = request;
  checkTarget(request.target);
  const force = request.force === true || request.from?.kind === 'folder';
  const finished = settlePublished(outputDir, tenantId);
  if (finished !== undefined && !force) {
    const report = reportIn(finished);
    // Another target is another restore, and meets files that are there.
    if (isDeepStrictEqual(report?.target, request.target)) return report!;
  }
  const wantsDelta = request.delta === true && request.force === true;
  const inOwnVolume = request.inOwnVolume === true;
  const output = openOutput({ outputDir, tenantId, force, inOwnVolume });
  let lease: Lease | undefined;
  try {
    if (wantsLease) lease = await takeLease({ ...request, purpose: 'restore' });
    const existing = wantsDelta
      ? await copyExisting(output.target, output.existing, tenantId)
      : undefined;
    const plan: Planner = (passedOver, files) => planShortest(request, passedOver, files);
    const report = await restoreInto(request, output, plan, existing);
    output.publish();
    output.discard();
    await lease?.release();
    return report;
  } catch (error) {
    if (goesOnLater(error, request.signal)) output.release();
    else output.discard();
    // The lease ends by itself: what went wrong first is what must be told.
    await lease?.release().catch(() => undefined);
    throw error;
  }
}

function goesOnLater(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || isEntError(error, 'OBJECT_STORE_UNAVAILABLE');
}
