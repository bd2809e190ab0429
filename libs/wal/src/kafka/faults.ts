import { EntError, isEntError, toError } from '@entdb/base';

/** Kafka's names for a refusal that no retry mends: the credentials or their rights are wrong. */
const refusals: ReadonlySet<string> = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
]);

/** The error and everything that caused it, outermost first. */
function* chain(
  error: unknown,
): Generator<Error & { readonly type?: unknown; readonly retriable?: unknown }> {
  for (let depth = 0, link = error; link instanceof Error && depth < 10; depth++, link = link.cause)
    yield link;
}

/** Kafka's own name of an error (`NOT_ENOUGH_REPLICAS`), wherever kafkajs has wrapped it. */
export function kafkaErrorType(error: unknown): string | undefined {
  for (const { type } of chain(error)) {
    if (typeof type === 'string') return type;
  }
  return undefined;
}

/** Whether a broker said that it cannot answer now: a leader moves, a coordinator loads. */
export function isPassing(error: unknown): boolean {
  return [...chain(error)].some((link) => typeof link.type === 'string' && link.retriable === true);
}

export function isRefusal(error: unknown): boolean {
  return (
    refusals.has(kafkaErrorType(error) ?? '') ||
    [...chain(error)].some((link) => link.name === 'KafkaJSSASLAuthenticationError')
  );
}

/** The error of a failed call, by our codes. */
export function logFault(attempt: string, error: unknown): EntError {
  if (isEntError(error)) return error;
  const cause = toError(error);
  if (isRefusal(error)) {
    return new EntError('INVALID_SETTING', `${attempt}: the log refuses us: ${cause.message}`, {
      cause,
      hint: 'check the credentials and the rights of the Kafka user',
    });
  }
  return new EntError('LOG_UNAVAILABLE', `${attempt}: ${cause.message}`, { cause });
}

/** How one session of a reader ended. */
export type SessionEnd =
  | { readonly kind: 'stopped' }
  /** For good: the caller's own error, or one that going on cannot mend. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The connection's fault: another session may go on. */
  | { readonly kind: 'broken'; readonly cause: Error };

/** What a fault of reading means for the consumption. */
export function endOf(error: unknown): SessionEnd {
  const fault = logFault('reading the log', error);
  return fault.retriable ? { kind: 'broken', cause: fault } : { kind: 'failed', error: fault };
}
