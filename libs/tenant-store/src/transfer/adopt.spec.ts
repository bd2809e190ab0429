import { val } from '@entdb/contracts';
import type { PlacedRecord } from '../store.ts';
import { fullSchema } from '../write/testing/full-schema.ts';
import { delivery, op, recordAt, type RecordParts } from '../write/testing/log.ts';
import {
  createWorkplace,
  factsAt,
  materialise,
  replayedStates,
  restoredBody,
  type Workplace,
} from './testing/restores.ts';

let work: Workplace;
beforeEach(() => {
  work = createWorkplace();
});
afterEach(() => work.remove());

const logOf = (parts: readonly RecordParts[]): PlacedRecord[] =>
  parts.map((some, offset) => recordAt(offset, some));
const before: readonly RecordParts[] = [
  {
    schema: fullSchema,
    operations: [op.create('a', { 1: val.str('one') }, { delivery: delivery(['u'], 'hello') })],
  },
  { operations: [op.create('b', { 1: val.str('two') })] },
  { operations: [op.remove('a'), op.update('b', { 2: val.int(7n) })] },
];

it('brings a state back, under a new epoch, with every verdict', () => {
  const log = logOf(before);
  const target = factsAt(replayedStates(log, work)(2));
  log.push(recordAt(3, { key: 'restore', body: restoredBody(target, 1) }));
  log.push(recordAt(4, { operations: [op.create('c')] }));
  const dir = work.folder();
  const outcomes = materialise(dir, [log], replayedStates(log, work));
  expect(JSON.parse(outcomes[3]!)).toMatchObject({
    position: { offset: 3, epoch: 2 },
    applied: { operations: [] },
  });
  expect(factsAt(dir).position).toMatchObject({ offset: 4, sequence: 5, epoch: 2 });
});
