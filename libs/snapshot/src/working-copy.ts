import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { EntError } from '@entdb/base';
import type { TenantRestored } from '@entdb/contracts';
import {
  adoptRestored,
  openTenantWriter,
  type Adoption,
  type PlacedRecord,
  type TenantWriter,
} from '@entdb/tenant-store';
import { fsyncPath } from './files.ts';
import type { Point } from './limit.ts';

/**
 * A tenant's files that records are applied to, by the applier's own code. A restore in place changes them for others, so the writer is asked for anew each time.
 *
 * Beside the folder stand, while that happens, `<folder>.restored`, the files of the restored state on their way to become the tenant's own, and `<folder>.before`,
 * the ones that they replace. A process can be killed at any moment: who opens the copy next finds the old files or the new ones, whole, and the position in
 * them says what is to be applied.
 */
export interface WorkingCopy {
  readonly tenantId: string;
  readonly writer: TenantWriter;
  /** Applies records that follow each other up to `reached`, and makes sure that the files are then there. Throws a record's own error where it cannot be applied. */
  apply(records: readonly PlacedRecord[], reached: Point): Promise<void>;
  close(): void;
}

export interface WorkingCopyOptions {
  readonly dir: string;
  readonly tenantId: string;
  /** Brings the files of the state that the record restores into an empty folder. */
  readonly fetchState: (restored: TenantRestored, dir: string) => Promise<void>;
}

export function openWorkingCopy(options: WorkingCopyOptions): WorkingCopy {
  const { dir, tenantId, fetchState } = options;
  settleFolder(dir);
  const open = () => openTenantWriter({ dir, tenantId, create: false });
  let writer: TenantWriter | undefined = open();
  const current = (): TenantWriter => {
    writer ??= open();
    return writer;
  };
  const close = (): void => {
    writer?.close();
    writer = undefined;
  };

  const adopt = async ({ placed, restored }: Adoption): Promise<void> => {
    const { incoming, before } = beside(dir);
    close();
    rmSync(incoming, { recursive: true, force: true });
    mkdirSync(incoming);
    await fetchState(restored, incoming);
    adoptRestored({ tenantId, current: dir, restored: incoming, placed });
    renameSync(dir, before);
    renameSync(incoming, dir);
    fsyncPath(dirname(dir));
    rmSync(before, { recursive: true, force: true });
  };

  return {
    tenantId,
    get writer() {
      return current();
    },
    async apply(records, reached) {
      let rest = records;
      while (rest.length > 0) {
        const { poison, adoption } = current().apply(rest);
        if (poison) throw poisoned(tenantId, poison);
        if (!adoption) break;
        await adopt(adoption);
        rest = rest.filter(({ offset }) => offset > adoption.offset);
      }
      assertAt(current(), reached);
    },
    close,
  };
}

/** Puts the folder back where a change of files was cut off: the old files are as good as the new ones, which are made of them again. */
export function settleFolder(dir: string): void {
  const { incoming, before } = beside(dir);
  if (!existsSync(dir) && existsSync(before)) {
    renameSync(before, dir);
    fsyncPath(dirname(dir));
  }
  for (const left of [incoming, before]) rmSync(left, { recursive: true, force: true });
}

const beside = (dir: string) => ({ incoming: `${dir}.restored`, before: `${dir}.before` });

function poisoned(
  tenantId: string,
  { offset, error }: { readonly offset: number; readonly error: EntError },
): EntError {
  return new EntError(
    error.code,
    `the record at offset ${offset} cannot be applied: ${error.message}`,
    {
      ...error.facts,
      tenantId,
      cause: error,
      hint: `everything before it can be restored: ask for the position ${offset}, exclusive`,
    },
  );
}

function assertAt({ tenantId, position }: TenantWriter, reached: Point): void {
  const { sequence, offset } = position;
  if (sequence === reached.sequence && offset === reached.offset) return;
  throw new EntError(
    'ARCHIVE_CONFLICT',
    `the restored files stand at record ${sequence}, offset ${offset}, and must stand at record ${reached.sequence}, offset ${reached.offset}`,
    { tenantId, hint: 'the objects are of two histories; run: entdb verify' },
  );
}
