export { backoffMs, type BackoffOptions } from './backoff.ts';
export {
  EntError,
  errorCodes,
  isEntError,
  toError,
  type ErrorCode,
  type ErrorFacts,
  type StatusName,
} from './errors.ts';
export {
  idempotencyKeyLengthMax,
  parseIdempotencyKey,
  parseTenantId,
  type Branded,
  type IdempotencyKey,
  type TenantId,
} from './ids.ts';
export { assertNever, invariant, InvariantError } from './invariant.ts';
export { assertNodeVersion } from './node-version.ts';
export { murmur2, partitionOf, shardOf } from './partition.ts';
export { silentLogger, type Clock, type Logger, type Rng } from './ports.ts';
export { realClock, realRng, startTimer } from './real.ts';
