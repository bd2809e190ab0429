import { val } from '@entdb/contracts';
import type { PlacedRecord } from '../../store.ts';
import { delivery, op, recordAt } from './log.ts';
import { fullSchema } from './full-schema.ts';

/** A log without chance: every kind of row, rejections and deletions included. */
export function killLog(records: number): readonly PlacedRecord[] {
  return Array.from({ length: records }, (_, i) =>
    recordAt(i, {
      schema: fullSchema,
      operations: [
        op.create(
          `n${i}`,
          { 1: val.str(`name ${i % 997}`), 2: val.int(i), 3: val.str(`bio number ${i}`) },
          { delivery: delivery([`u${i % 7}`], `snippet ${i}`) },
        ),
        op.create(`m${i}`, { 9: val.int(i) }, { typeId: 2 }),
        op.link(`n${i}`, `m${i}`),
        ...(i % 5 === 0 ? [op.remove(`n${i - 3}`)] : []),
        ...(i % 11 === 0 ? [op.markRead(`u${i % 7}`)] : []),
      ],
    }),
  );
}
