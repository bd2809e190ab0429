/** Every read says of which tenant it is and how fresh it must be, and tells back how fresh it was. */
import type { Position, ReadScope } from '@entdb/contracts';
import { positionFromWire, positionToWire, type LogPosition } from '@entdb/contracts';
import { EntError, isEntError, type Clock } from '@entdb/base';
import { startBudget, type Attempt, type CallOptions } from '../fleet/budget.ts';
import type { Positions } from '../fleet/positions.ts';
import type { Query, Reader } from '../fleet/reader.ts';

/**
 * `session`: at least what this client has written and read before. `any`: whatever the replica has. `atLeast`: that position
 * or a later one. What cannot be had in time is an error, never older data.
 */
export type Consistency = 'session' | 'any' | { readonly atLeast: LogPosition };

export interface ReadOptions extends CallOptions {
  readonly consistency?: Consistency;
}

export interface ReadContext {
  readonly tenantId: string;
  readonly reader: Reader;
  readonly positions: Positions;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly consistency: Consistency;
}

export type Ask<T> = (query: Query, scope: ReadScope, attempt: Attempt) => Promise<T>;

/** One read with its retries. What it saw counts for the reads after it. */
export async function read<T extends { readonly position?: Position | undefined }>(
  context: ReadContext,
  options: ReadOptions,
  ask: Ask<T>,
): Promise<T> {
  const { tenantId, reader, positions, clock } = context;
  const consistency = options.consistency ?? context.consistency;
  using budget = startBudget(clock, options.timeoutMs ?? context.timeoutMs, options.signal);
  try {
    const answer = await reader.read(tenantId, budget, (query, attempt) =>
      ask(query, scopeOf(tenantId, positions, consistency), attempt),
    );
    if (answer.position) positions.saw(tenantId, positionFromWire(answer.position));
    return answer;
  } catch (error) {
    // Said once: the next read of the session works.
    if (isEntError(error, 'STALE_EPOCH')) positions.ended(tenantId, error);
    throw error;
  }
}

function scopeOf(tenantId: string, positions: Positions, consistency: Consistency): ReadScope {
  const scope = { $typeName: 'entdb.v1.ReadScope', tenantId } as const;
  if (consistency === 'any') return scope;
  const atLeast = consistency === 'session' ? positions.get(tenantId) : consistency.atLeast;
  return atLeast ? { ...scope, atLeast: positionToWire(atLeast) } : scope;
}

export function seenIn({ position }: { readonly position?: Position | undefined }): LogPosition {
  if (!position) throw new EntError('INTERNAL', 'the server sent an answer without a position');
  return positionFromWire(position);
}
