import * as original from '@entdb/tenant-store';
import type { TenantWriter } from '@entdb/tenant-store';
import { reach } from './moment.ts';
import { setExported } from './progress.ts';

export * from '@entdb/tenant-store';

export const openTenantWriter: typeof original.openTenantWriter = (options) => {
  const writer = original.openTenantWriter(options);
  const apply: TenantWriter['apply'] = (records) => {
    reach('before apply');
    const result = writer.apply(records);
    reach('after apply');
    return result;
  };
  // Its other members are looked at as they are at the time.
  return new Proxy(writer, {
    get: (target, name): unknown => (name === 'apply' ? apply : Reflect.get(target, name)),
  });
};

export const exportTenant: typeof original.exportTenant = (options) => {
  setExported(false);
  reach('before export');
  const exported = original.exportTenant(options);
  setExported(true);
  reach('after export');
  return exported;
};
