/** Method: the decision on every code there is, so that a new one asks for its line here. */
import { EntError, errorCodes, type ErrorCode, type ErrorFacts } from '@entdb/base';
import { decideRead, decideWrite } from './retry.ts';

const rng = { next: () => 0.5, bytes: (count: number) => new Uint8Array(count) };
const write = (
  code: ErrorCode,
  {
    facts = {},
    failures = 0,
    remainingMs = 10_000,
    sent = false,
  }: {
    facts?: ErrorFacts;
    failures?: number;
    remainingMs?: number;
    sent?: boolean;
  } = {},
) => decideWrite({ error: new EntError(code, code, facts), failures, remainingMs, rng }, sent);
const read = (
  code: ErrorCode,
  {
    facts = {},
    failures = 0,
    remainingMs = 10_000,
    untried = 0,
    followsOwner = true,
  }: {
    facts?: ErrorFacts;
    failures?: number;
    remainingMs?: number;
    untried?: number;
    followsOwner?: boolean;
  } = {},
) =>
  decideRead({
    error: new EntError(code, code, facts),
    failures,
    remainingMs,
    rng,
    untried,
    followsOwner,
  });

const codes = Object.keys(errorCodes) as ErrorCode[];
const kindsOf = (decide: (code: ErrorCode) => { readonly kind: string }) => {
  const groups: Record<string, string[]> = {};
  for (const code of codes) (groups[decide(code).kind] ??= []).push(code);
  return groups;
};

describe('a write that failed', () => {
  it('is sent again for these codes and no others', () => {
    const { fail = [], ...rest } = kindsOf((code) => write(code));
    expect(rest).toEqual({
      'send-schema': ['SCHEMA_NEEDED'],
      retry: [
        'OUTCOME_UNKNOWN',
        'LOG_UNAVAILABLE',
        'NOT_CAUGHT_UP',
        'UNREACHABLE',
        'SHUTTING_DOWN',
        'TENANT_QUARANTINED',
        'STORE_UNAVAILABLE',
        'WRONG_OWNER',
        'POSITION_NOT_REACHED',
        'DEADLINE_EXCEEDED',
        'RESOURCE_EXHAUSTED',
        'LANE_POISONED',
        // Of the store of objects: no write meets them, and each says of itself that time helps.
        'TARGET_BEYOND_ARCHIVE',
        'OBJECT_STORE_UNAVAILABLE',
      ],
    });
    expect(fail).toHaveLength(codes.length - 15);
  });

  it('is not sent with the definitions twice', () => {
    expect(write('SCHEMA_NEEDED', { sent: true })).toEqual({ kind: 'fail' });
  });

  it('waits longer each time, with jitter, up to a limit', () => {
    const delays = [0, 1, 2, 3, 20].map((failures) => write('LOG_UNAVAILABLE', { failures }));
    expect(delays).toEqual([38, 75, 150, 300, 1500].map((delayMs) => ({ kind: 'retry', delayMs })));
  });

  it('does not come back before it may', () => {
    expect(write('RESOURCE_EXHAUSTED', { facts: { retryAfterMs: 700 } })).toEqual({
      kind: 'retry',
      delayMs: 738,
    });
  });

  it('is given up where the wait is longer than the time left', () => {
    expect(write('LOG_UNAVAILABLE', { remainingMs: 38 })).toEqual({ kind: 'fail' });
    expect(write('LOG_UNAVAILABLE', { remainingMs: 39 })).toEqual({ kind: 'retry', delayMs: 38 });
  });
});

describe('a read that failed', () => {
  it('goes to another server for these codes', () => {
    expect(kindsOf((code) => read(code))['next-server']).toEqual([
      'NOT_CAUGHT_UP',
      'UNREACHABLE',
      'SHUTTING_DOWN',
      'TENANT_QUARANTINED',
      'STORE_UNAVAILABLE',
      'WRONG_OWNER',
      'POSITION_NOT_REACHED',
      'DEADLINE_EXCEEDED',
    ]);
  });

  it('goes there at once where one has not been tried', () => {
    expect(read('UNREACHABLE', { untried: 1 })).toEqual({ kind: 'next-server', delayMs: 0 });
    expect(read('UNREACHABLE')).toEqual({ kind: 'next-server', delayMs: 38 });
  });

  it('follows the owner that the error names, but not for ever, and not where one address is forced', () => {
    const facts = { metadata: { address: 'http://owner' } };
    expect(read('WRONG_OWNER', { facts })).toEqual({
      kind: 'follow-owner',
      address: 'http://owner',
    });
    expect(read('WRONG_OWNER', { facts, failures: 3 })).toMatchObject({ kind: 'next-server' });
    expect(read('WRONG_OWNER', { facts, followsOwner: false })).toEqual({ kind: 'fail' });
  });
});
