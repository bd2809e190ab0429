import { EntError, toError, type ErrorCode } from '@entdb/base';
import type { Doubt } from './doubt.ts';
import type { Waiting } from './schedule.ts';
import type { Standing } from './survey.ts';

/** Why a tenant was not served the last time. */
export interface Fault {
  /** What failed: it holds until the same succeeds. */
  readonly during: 'survey' | 'snapshot' | 'retention';
  readonly code: ErrorCode | 'INTERNAL';
  readonly message: string;
  /** It may pass by itself: the store is away, or the disk is full. */
  readonly retriable: boolean;
}

/** What the outside may know of a tenant. */
export interface TenantView {
  readonly tenantId: string;
  readonly waiting: Waiting | undefined;
  readonly fault: Fault | undefined;
  /** Digests that disagree: the tenant is in quarantine here until they were found the same. */
  readonly doubt: Doubt | undefined;
  /** When its newest snapshot was sealed, by whomever. */
  readonly sealedMs: number;
}

/** One tenant of the loop, which alone changes it. */
export interface Tenant extends TenantView {
  readonly tenantId: string;
  standing: Standing | undefined;
  fault: Fault | undefined;
  doubt: Doubt | undefined;
  failures: number;
  notBeforeMs: number;
  retentionDueMs: number;
  busy: boolean;
}

export function newTenant(tenantId: string, nowMs: number): Tenant {
  return {
    tenantId,
    standing: undefined,
    get waiting() {
      return this.standing?.waiting;
    },
    get sealedMs() {
      return this.standing?.sealedMs ?? 0;
    },
    fault: undefined,
    doubt: undefined,
    failures: 0,
    notBeforeMs: 0,
    retentionDueMs: nowMs,
    busy: false,
  };
}

export function faultOf(during: Fault['during'], thrown: unknown): Fault {
  const { message } = toError(thrown);
  if (!(thrown instanceof EntError)) return { during, code: 'INTERNAL', message, retriable: false };
  return { during, code: thrown.code, message, retriable: thrown.retriable };
}

/** Somebody must look: it will not mend itself. */
export const standsStill = ({ fault, doubt }: TenantView): boolean =>
  doubt !== undefined || (fault !== undefined && !fault.retriable);
