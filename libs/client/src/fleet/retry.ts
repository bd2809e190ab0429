/**
 * What to do with an error: decided here and nowhere else, as a function of values. A try after the first uses the same
 * idempotency key, so it is safe whatever became of the one before.
 */
import { backoffMs, type EntError, type ErrorCode, type Rng } from '@entdb/base';

export type Decision =
  | { readonly kind: 'fail' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  /** The gateway does not know the schema: at once again, with the definitions. */
  | { readonly kind: 'send-schema' }
  /** Another applier owns the tenant: at once again, there. */
  | { readonly kind: 'follow-owner'; readonly address: string }
  /** This server cannot answer now; another one may. */
  | { readonly kind: 'next-server'; readonly delayMs: number };

export interface Failure {
  readonly error: EntError;
  /** Tries that failed before this one. */
  readonly failures: number;
  readonly remainingMs: number;
  readonly rng: Rng;
}

export const retryInitialMs = 50;
export const retryMaxMs = 2_000;
/** Owners that point at each other must not be followed for ever without a pause. */
export const ownerHopsMax = 3;

const fail: Decision = { kind: 'fail' };

/** A write goes to any gateway; only time can help, or the definitions. */
export function decideWrite(failure: Failure, schemaSent: boolean): Decision {
  const { error } = failure;
  if (error.code === 'SCHEMA_NEEDED') return schemaSent ? fail : { kind: 'send-schema' };
  return retryIfWorthwhile(failure, 'retry');
}

/** Faults of one server, or of the way to it: another replica may do better. */
const serverFaults: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNREACHABLE',
  'SHUTTING_DOWN',
  'STORE_UNAVAILABLE',
  'TENANT_QUARANTINED',
  'NOT_CAUGHT_UP',
  'POSITION_NOT_REACHED',
  'DEADLINE_EXCEEDED',
  'WRONG_OWNER',
]);

export interface ReadFailure extends Failure {
  /** Whether an owner that an error names may be asked; not where the program forces one address. */
  readonly followsOwner: boolean;
  /** Other replicas that have not been tried. */
  readonly untried: number;
}

export function decideRead(failure: ReadFailure): Decision {
  const { error, failures, followsOwner, untried } = failure;
  if (error.code === 'WRONG_OWNER') {
    const owner = error.facts.metadata?.['address'];
    if (!followsOwner) return fail;
    if (owner && failures < ownerHopsMax) return { kind: 'follow-owner', address: owner };
  }
  if (!serverFaults.has(error.code)) return retryIfWorthwhile(failure, 'retry');
  if (untried > 0 && failure.remainingMs > 0) return { kind: 'next-server', delayMs: 0 };
  return retryIfWorthwhile(failure, 'next-server');
}

/** A server that says when to come back is not asked sooner. A wait longer than the time left is not begun. */
function retryIfWorthwhile(failure: Failure, kind: 'retry' | 'next-server'): Decision {
  const { error, failures, remainingMs, rng } = failure;
  if (!error.retriable) return fail;
  const wait = backoffMs(failures, { initialMs: retryInitialMs, maxMs: retryMaxMs, rng });
  const delayMs = (error.facts.retryAfterMs ?? 0) + wait;
  return delayMs < remainingMs ? { kind, delayMs } : fail;
}
