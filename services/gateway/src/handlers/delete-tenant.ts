import type { DeleteTenantRequest, DeleteTenantResponse } from '@entdb/contracts';
import type { Caller } from '../caller.ts';
import type { TenantCommand } from '../tenant-command.ts';

export function createDeleteTenant(command: TenantCommand) {
  return async (request: DeleteTenantRequest, caller: Caller): Promise<DeleteTenantResponse> => ({
    $typeName: 'entdb.v1.DeleteTenantResponse',
    result: await command(
      request,
      {
        case: 'tenantDeleted',
        value: { $typeName: 'entdb.v1.TenantDeleted', erase: request.erase },
      },
      caller,
    ),
  });
}
