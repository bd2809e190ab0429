import { Kind } from '@entdb/contracts';
import { field, schemaOf } from './log.ts';

/** Type 1: name unique, (age, team) unique together, age indexed, bio searchable. */
export const fullSchema = schemaOf(
  [
    field(1, 'name', Kind.STR, { unique: true }),
    field(2, 'age', Kind.INT, { indexed: true }),
    field(3, 'bio', Kind.STR, { searchable: true }),
    field(4, 'team', Kind.STR),
    field(5, 'friend', Kind.REF, { refTypeId: 1 }),
  ],
  [[2, 4]],
);
