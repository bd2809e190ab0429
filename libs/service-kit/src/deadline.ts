/**
 * Deadlines, from the text of a header to a finite number of milliseconds. Pure. A deadline that is malformed or beyond the
 * limit is refused rather than bent: the caller would otherwise believe in a time that nobody keeps.
 */
import { EntError } from '@entdb/base';

export type Timeout =
  | { readonly kind: 'none' }
  | { readonly kind: 'ms'; readonly header: string; readonly ms: number }
  | { readonly kind: 'malformed'; readonly header: string; readonly seen: string };

const msPerUnit = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 } as const;

/** grpc-timeout: up to eight digits and a unit. */
export function parseGrpcTimeout(value: string | undefined): Timeout {
  if (value === undefined) return { kind: 'none' };
  const parts = /^(\d{1,8})([HMSmun])$/.exec(value);
  if (!parts) return { kind: 'malformed', header: 'grpc-timeout', seen: value };
  return {
    kind: 'ms',
    header: 'grpc-timeout',
    ms: Number(parts[1]) * msPerUnit[parts[2] as keyof typeof msPerUnit],
  };
}

/** connect-timeout-ms: up to ten digits. */
export function parseConnectTimeout(value: string | undefined): Timeout {
  if (value === undefined) return { kind: 'none' };
  if (!/^\d{1,10}$/.test(value))
    return { kind: 'malformed', header: 'connect-timeout-ms', seen: value };
  return { kind: 'ms', header: 'connect-timeout-ms', ms: Number(value) };
}

/** The time a call has, or the INVALID_DEADLINE that it is answered with. 0 is valid: it has passed already. */
export function chooseTimeoutMs(
  timeout: Timeout,
  limits: { readonly defaultMs: number; readonly maxMs: number },
): number | EntError {
  switch (timeout.kind) {
    case 'none':
      return limits.defaultMs;
    case 'malformed':
      return new EntError(
        'INVALID_DEADLINE',
        `the header ${timeout.header} is ${JSON.stringify(timeout.seen)}, which is no finite time`,
        {
          field: timeout.header,
          hint:
            timeout.header === 'grpc-timeout'
              ? 'send digits and a unit, for example 5S'
              : 'send milliseconds in digits, for example 5000',
        },
      );
    case 'ms':
      if (timeout.ms <= limits.maxMs) return timeout.ms;
      return new EntError(
        'INVALID_DEADLINE',
        `the deadline is ${timeout.ms} ms away, and this call may take ${limits.maxMs} ms`,
        {
          field: timeout.header,
          hint: `name a deadline of at most ${limits.maxMs} ms, or none`,
          metadata: { deadline_max_ms: String(limits.maxMs) },
        },
      );
  }
}
