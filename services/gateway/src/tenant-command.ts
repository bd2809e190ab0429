import { invariant, isEntError } from '@entdb/base';
import type { TransactionResult } from '@entdb/contracts';
import type { Caller } from './caller.ts';
import type { GatewayMetrics } from './metrics.ts';
import { tenantRequestHash, type TenantBody } from './record.ts';
import type { Submit } from './submit.ts';
import { parseCommandKey } from './validate/request.ts';

/** A record that makes or deletes a tenant, and its verdict: nobody is told that a tenant is there, or gone, before it is so. */
export type TenantCommand = (
  request: { readonly tenantId: string; readonly idempotencyKey: string },
  body: TenantBody,
  caller: Caller,
) => Promise<TransactionResult>;

export function createTenantCommand(submit: Submit, metrics: GatewayMetrics): TenantCommand {
  return async (request, body, caller) => {
    try {
      const key = parseCommandKey(request);
      const requestHash = tenantRequestHash(body, key.tenantId);
      const command = { key, requestHash, body, autoCreate: false, waitsForVerdict: true };
      const { result } = await submit(command, caller);
      invariant(result, 'a command that waits for its verdict has one');
      metrics.commands.add(1, { code: 'OK' });
      return result;
    } catch (error) {
      metrics.commands.add(1, { code: isEntError(error) ? error.code : 'INTERNAL' });
      throw error;
    }
  };
}
