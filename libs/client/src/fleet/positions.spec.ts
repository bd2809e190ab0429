import { EntError } from '@entdb/base';
import type { LogPosition } from '@entdb/contracts';
import fc from 'fast-check';
import { createPositions } from './positions.ts';

const at = (offset: number, more: Partial<LogPosition> = {}): LogPosition => ({
  topic: 'entdb-wal',
  partition: 1,
  offset,
  epoch: 1,
  ...more,
});

describe('positions', () => {
  it('keep the newest, in whatever order they are seen', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1 }), (offsets) => {
        const positions = createPositions(1);
        for (const offset of offsets) positions.saw('t', at(offset));
        expect(positions.get('t')?.offset).toBe(Math.max(...offsets));
      }),
    );
  });

  it('keep the epoch that is known', () => {
    const positions = createPositions(1);
    for (const epoch of [0, 2, 0]) positions.saw('t', at(5, { epoch }));
    expect(positions.get('t')).toEqual(at(5, { epoch: 2 }));
  });

  it('of another log replace those of the old one', () => {
    const positions = createPositions(1);
    positions.saw('t', at(9));
    positions.saw('t', at(1, { partition: 2 }));
    expect(positions.get('t')).toEqual(at(1, { partition: 2 }));
  });

  it('of an epoch that has ended give way to the present one', () => {
    const ended = (position?: LogPosition) =>
      new EntError('STALE_EPOCH', 'restored', position ? { position } : {});
    const positions = createPositions(1);
    positions.saw('t', at(5));
    positions.ended('t', ended(at(7, { epoch: 2 })));
    expect(positions.get('t')).toEqual(at(7, { epoch: 2 }));
    // An answer of before the restore that comes late, and a replica that has seen an earlier restore only, change nothing.
    positions.saw('t', at(6));
    positions.ended('t', ended(at(6, { epoch: 2 })));
    expect(positions.get('t')).toEqual(at(7, { epoch: 2 }));
    positions.ended('t', ended());
    expect(positions.get('t')).toBeUndefined();
  });

  it('are kept for the tenants seen last', () => {
    const positions = createPositions(2);
    for (const tenant of ['a', 'b', 'a', 'c']) positions.saw(tenant, at(1));
    expect(['a', 'b', 'c'].filter((tenant) => positions.get(tenant))).toEqual(['a', 'c']);
  });
});
