import { isEntError } from '@entdb/base';
import {
  positionToWire,
  type ExecuteAtomicRequest,
  type ExecuteAtomicResponse,
} from '@entdb/contracts';
import type { Caller } from '../caller.ts';
import type { Limits } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import { planTransaction } from '../plan.ts';
import type { SchemaCache } from '../schema-cache.ts';
import type { Submit } from '../submit.ts';

/** One transaction, whichever call it came with. */
export type Execute = (
  request: ExecuteAtomicRequest,
  caller: Caller,
) => Promise<ExecuteAtomicResponse>;

export interface ExecuteParts {
  readonly submit: Submit;
  readonly schemas: SchemaCache;
  readonly limits: Limits;
  readonly metrics: GatewayMetrics;
  /** Whether a tenant comes to be with its first record. It travels in the record, so that the verdict is the same everywhere. */
  readonly autoCreate: boolean;
}

export function createExecuteAtomic({
  submit,
  schemas,
  limits,
  metrics,
  autoCreate,
}: ExecuteParts): Execute {
  return async (request, caller) => {
    try {
      const { transaction, ids, ...plan } = planTransaction(request, schemas.schemaOf, limits);
      const body = { case: 'transaction', value: transaction } as const;
      const { position, result } = await submit({ ...plan, body, autoCreate }, caller);
      metrics.commands.add(1, ok);
      return {
        $typeName: 'entdb.v1.ExecuteAtomicResponse',
        position: result?.position ?? positionToWire(position),
        ids: result ? idsOf(ids, result) : [...ids],
        ...(result && { result }),
      };
    } catch (error) {
      metrics.commands.add(1, { code: isEntError(error) ? error.code : 'INTERNAL' });
      throw error;
    }
  };
}

const ok = { code: 'OK' };

/** A create that was skipped means the node that was there, and the verdict names it. */
function idsOf(
  minted: readonly string[],
  { outcome }: NonNullable<ExecuteAtomicResponse['result']>,
): string[] {
  if (outcome.case !== 'applied') return [...minted];
  const { operations } = outcome.value;
  return minted.map((id, i) => (id === '' ? '' : operations[i]?.id || id));
}
