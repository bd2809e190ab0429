import { val } from '@entdb/contracts';
import * as fc from 'fast-check';
import type { PlacedRecord } from '../store.ts';
import { histories } from '../write/testing/histories.ts';
import { delivery, op, recordAt, tenantId, type RecordParts } from '../write/testing/log.ts';
import { createTenantDir, dump, type TenantDir } from '../write/testing/tenant-dir.ts';
import type { KindChanges } from './changes.ts';
import { diffTenants } from './diff.ts';

const runs = Number(process.env['ENTDB_PROPERTY_RUNS'] ?? 25);

function tenantWith(log: readonly PlacedRecord[]): TenantDir {
  const tenant = createTenantDir();
  const writer = tenant.open();
  const { poison } = writer.apply(log);
  writer.close();
  if (poison) throw poison.error;
  return tenant;
}

function withTenants<T>(
  logs: readonly [readonly PlacedRecord[], readonly PlacedRecord[]],
  body: (before: TenantDir, after: TenantDir) => T,
): T {
  const tenants = [tenantWith(logs[0]), tenantWith(logs[1])] as const;
  try {
    return body(...tenants);
  } finally {
    tenants.forEach((tenant) => tenant.remove());
  }
}

const logOf = (parts: readonly RecordParts[]) =>
  parts.map((some, offset) => recordAt(offset, some));
const diff = (before: TenantDir, after: TenantDir, sample = 3) =>
  diffTenants({ tenantId, before: before.dir, after: after.dir, sample });

test('names what is added, removed and changed, by type, the first ids in their order', () => {
  const start = [
    { operations: ['e', 'd', 'c', 'b', 'a'].map((id) => op.create(id)) },
    { operations: [op.link('a', 'b'), op.create('m', {}, { delivery: delivery(['u'], 'hello') })] },
  ];
  const end = [
    ...start,
    { operations: [op.remove('m'), op.unlink('a', 'b'), op.link('b', 'a', { key: 'k' })] },
    {
      operations: [op.update('a', { 1: val.int(1) })],
    },
    // The same id under another type.
    { operations: [op.remove('c'), op.create('c', {}, { typeId: 9 })] },
    {
      operations: ['z', 'y', 'x', 'w'].map((id) =>
        op.create(id, {}, { delivery: delivery(['v']) }),
      ),
    },
  ];
  withTenants([logOf(start), logOf(end)], (before, after) => {
    const found = diff(before, after);
    expect([found.before.position.sequence, found.after.position.sequence]).toEqual([2, 6]);
    const none = { count: 0, ids: [] };
    expect(found.nodes).toEqual({
      added: 5,
      removed: 2,
      changed: 1,
      types: [
        {
          type: 1,
          added: { count: 4, ids: ['w', 'x', 'y'] },
          removed: { count: 2, ids: ['c', 'm'] },
          changed: { count: 1, ids: ['a'] },
        },
        { type: 9, added: { count: 1, ids: ['c'] }, removed: none, changed: none },
      ],
    });
    expect(found.edges).toEqual({
      added: 1,
      removed: 1,
      changed: 0,
      types: [
        {
          type: 1,
          added: { count: 1, ids: [{ fromId: 'b', toId: 'a', key: 'k' }] },
          removed: { count: 1, ids: [{ fromId: 'a', toId: 'b', key: '' }] },
          changed: none,
        },
      ],
    });
    expect(found.items).toMatchObject({ added: 4, removed: 1, changed: 0 });
    expect(found.items.types[0]!.removed.ids).toEqual([{ userId: 'u', nodeId: 'm' }]);
    expect(diff(before, after, 0).nodes.types[0]!.added).toEqual({ count: 4, ids: [] });
  });
});

interface Rows {
  readonly nodes: readonly { readonly id: string; readonly type: number; readonly hash: Buffer }[];
  readonly items: readonly {
    readonly user_id: string;
    readonly node_id: string;
    readonly type: number;
    readonly hash: Buffer;
  }[];
  readonly edges: readonly {
    readonly from_id: string;
    readonly type: number;
    readonly to_id: string;
    readonly key: string;
    readonly hash: Buffer;
  }[];
}
type Hashed = { readonly type: number; readonly hash: Buffer };

/** The same by hand, of all rows at once. */
function counted<Row extends Hashed>(
  before: readonly Row[],
  after: readonly Row[],
  keyOf: (row: Row) => string,
) {
  const key = (row: Row) => `${row.type} ${keyOf(row)}`;
  const was = new Map(before.map((row) => [key(row), row.hash]));
  const is = new Map(after.map((row) => [key(row), row.hash]));
  return {
    added: [...is.keys()].filter((name) => !was.has(name)).length,
    removed: [...was.keys()].filter((name) => !is.has(name)).length,
    changed: [...is].filter(([name, hash]) => was.has(name) && !was.get(name)!.equals(hash)).length,
  };
}

test('counts as one who has all rows in memory', () => {
  const totals = ({ added, removed, changed }: KindChanges<unknown>) => ({
    added,
    removed,
    changed,
  });
  fc.assert(
    fc.property(histories, fc.nat(), (history, cut) => {
      const log = logOf([...history]);
      withTenants([log.slice(0, cut % log.length), log], (before, after) => {
        const [was, is] = [dump(before) as Rows, dump(after) as Rows];
        for (const [from, to, found] of [
          [was, is, diff(before, after)],
          [is, was, diff(after, before)],
        ] as const) {
          expect(totals(found.nodes)).toEqual(counted(from.nodes, to.nodes, ({ id }) => id));
          expect(totals(found.edges)).toEqual(
            counted(from.edges, to.edges, (row) => `${row.from_id} ${row.to_id} ${row.key}`),
          );
          expect(totals(found.items)).toEqual(
            counted(from.items, to.items, (row) => `${row.user_id} ${row.node_id}`),
          );
        }
        expect(diff(after, after).nodes.types).toEqual([]);
      });
    }),
    { numRuns: runs },
  );
});
