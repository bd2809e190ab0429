import type { CreateTenantRequest, CreateTenantResponse } from '@entdb/contracts';
import type { Caller } from '../caller.ts';
import type { TenantCommand } from '../tenant-command.ts';

export function createCreateTenant(command: TenantCommand) {
  return async (request: CreateTenantRequest, caller: Caller): Promise<CreateTenantResponse> => ({
    $typeName: 'entdb.v1.CreateTenantResponse',
    result: await command(
      request,
      { case: 'tenantCreated', value: { $typeName: 'entdb.v1.TenantCreated' } },
      caller,
    ),
  });
}
