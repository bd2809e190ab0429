import { erasureName } from '@entdb/archive-format';
import type { ErasedAt } from './erased.ts';
import type { Point } from './limit.ts';

export interface ErasureFault {
  readonly object: string;
  readonly code: 'OBJECT_NOT_FOUND' | 'ARCHIVE_CONFLICT';
  readonly message: string;
}

/** Holds the objects against the records: every record of the stretch that erases has its object, and every object its record. */
export function checkErasures(
  tenantId: string,
  stretch: { readonly after: number; readonly last: number },
  said: readonly ErasedAt[],
  met: readonly Point[],
): readonly ErasureFault[] {
  const missing = met
    .filter(({ sequence }) => !said.some(({ at }) => at.sequence === sequence))
    .map(({ sequence, offset }): ErasureFault => ({
      object: erasureName(tenantId, sequence),
      code: 'OBJECT_NOT_FOUND',
      message: `record ${sequence} at offset ${offset} erased the tenant, and no object says so: a restore to before it would not be refused`,
    }));
  const wrong = said.flatMap(({ at, object, damage }): readonly ErasureFault[] => {
    if (object === undefined || at.sequence <= stretch.after || at.sequence > stretch.last)
      return [];
    const record = met.find(({ sequence }) => sequence === at.sequence);
    const isSame = record && (damage || record.offset === at.offset);
    if (isSame) return [];
    const message = record
      ? `${object} places the erasure at offset ${at.offset}, and its record stands at ${record.offset}`
      : `${object} tells of an erasure, and record ${at.sequence} is none`;
    return [{ object, code: 'ARCHIVE_CONFLICT', message }];
  });
  return [...missing, ...wrong];
}
