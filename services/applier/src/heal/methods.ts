import type { Handlers } from '@entdb/threads';
import { adoptFolder } from './adopt-folder.ts';
import type { HealerMethods } from './protocol.ts';
import { restoreFolder, type HealPorts } from './restore-folder.ts';

/** The healer thread's answers. */
export function healerMethods(ports: HealPorts): Handlers<HealerMethods> {
  return {
    restore: (job) => restoreFolder(ports, job),
    adopt: (job) => adoptFolder(ports, job),
    sweep: async (tenantIds) => ports.folders.sweep(tenantIds),
  };
}
