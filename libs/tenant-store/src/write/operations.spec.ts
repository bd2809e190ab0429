import { decodeFields, Kind, OnConflict, Operator, val, type Filter } from '@entdb/contracts';
import { createLiveTenant, type LiveTenant } from './testing/tenant-dir.ts';
import { field, op, precondition, schemaOf } from './testing/log.ts';

/** Each operation and each reason to reject it, on real files. Numbers (#n, On) are those of the known faults that a test holds off. */
let live: LiveTenant;
beforeEach(() => (live = createLiveTenant()));
afterEach(() => {
  live.writer.scrub();
  live.close();
});

const big = 9_007_199_254_740_993n; // 2^53 + 1: no double has it
const compare = (
  fieldId: number,
  operator: Operator,
  ...values: ReturnType<typeof val.int>[]
): Filter => ({
  $typeName: 'entdb.v1.Filter',
  expression: {
    case: 'compare',
    value: { $typeName: 'entdb.v1.Comparison', fieldId, operator, values },
  },
});
const node = (id: string) => {
  const [row] = live.tenant.sql<{
    version: number;
    updated_at: number;
    created_at: number;
    fields: Buffer;
  }>('canonical', 'SELECT * FROM nodes WHERE id = ?', id);
  return row && { ...row, fields: decodeFields(row.fields) };
};
const count = (table: string) =>
  live.tenant.sql<{ rows: number }>('canonical', `SELECT count(*) AS rows FROM ${table}`)[0]!.rows;

const unique = schemaOf(
  [
    field(1, 'name', Kind.STR, { unique: true }),
    field(2, 'age', Kind.INT, { indexed: true }),
    field(3, 'bio', Kind.STR, { searchable: true }),
    field(4, 'team', Kind.STR),
  ],
  [[2, 4]],
);

describe('create', () => {
  test('#3: the id is the record’s own, never made at apply', () => {
    expect(live.apply({ operations: [op.create('a', { 1: val.str('x') })] }).applied).toEqual({
      operations: [{ id: 'a', changed: true }],
    });
    expect(node('a')).toMatchObject({ version: 1, fields: { 1: val.str('x') } });
  });

  test('O1: an id that exists is a stored rejection with the id, and the tenant goes on', () => {
    live.apply({ operations: [op.create('a')] });
    expect(live.apply({ operations: [op.create('b'), op.create('a')] }).rejected).toMatchObject({
      code: 'ALREADY_EXISTS',
      field: 'operations[1].create_node.id',
      metadata: { existing_id: 'a' },
    });
    expect(node('b')).toBeUndefined();
    expect(live.apply({ operations: [op.create('c')] }).applied).toBeDefined();
  });

  test('#56 #58: a unique field is enforced on the log’s own path, and the error has its coordinates', () => {
    live.apply({ schema: unique, operations: [op.create('a', { 1: val.str('ann') })] });
    expect(
      live.apply({ schema: unique, operations: [op.create('b', { 1: val.str('ann') })] }).rejected,
    ).toMatchObject({
      code: 'UNIQUE_VIOLATION',
      field: 'operations[0].create_node.fields[1]',
      metadata: { existing_id: 'a', type_id: '1', field_ids: '1' },
    });
  });

  test('#57: of two inserts of one key the later is skipped, names the first, and its id means the first from then on', () => {
    live.apply({ schema: unique, operations: [op.create('a', { 1: val.str('ann') })] });
    const skip = { onConflict: OnConflict.SKIP };
    const result = live.apply({
      schema: unique,
      operations: [
        op.create('b', { 1: val.str('ann') }, skip),
        op.update('b', { 2: val.int(7) }),
        op.create('c', { 1: val.str('cid') }),
        op.link('c', 'b'),
        op.create('d', { 9: val.ref('b') }, { typeId: 5 }),
        op.create('e', { 9: val.list([val.ref('b'), val.ref('c')]) }, { typeId: 5 }),
        op.unlink('c', 'b'),
      ],
    });
    expect(result.applied!.operations.slice(0, 2)).toEqual([
      { id: 'a', changed: false },
      { id: 'a', changed: true },
    ]);
    expect(node('a')!.fields[2]).toEqual(val.int(7));
    expect(node('d')!.fields[9]).toEqual(val.ref('a'));
    expect(node('e')!.fields[9]).toEqual(val.list([val.ref('a'), val.ref('c')]));
    expect(result.applied!.operations[6]).toEqual({ changed: true });
  });

  test('a node that lacks a field of a unique combination is not bound by it', () => {
    live.apply({
      schema: unique,
      operations: [op.create('a', { 1: val.str('a'), 2: val.int(1) })],
    });
    expect(
      live.apply({
        schema: unique,
        operations: [op.create('b', { 1: val.str('b'), 2: val.int(1) })],
      }).applied,
    ).toBeDefined();
    live.apply({
      schema: unique,
      operations: [op.create('c', { 1: val.str('c'), 2: val.int(1), 4: val.str('red') })],
    });
    expect(
      live.apply({
        schema: unique,
        operations: [op.create('d', { 1: val.str('d'), 2: val.int(1), 4: val.str('red') })],
      }).rejected,
    ).toMatchObject({
      code: 'UNIQUE_VIOLATION',
      metadata: { existing_id: 'c', field_ids: '2,4' },
    });
    expect(
      live.apply({ schema: unique, operations: [op.update('b', { 4: val.str('red') })] }).rejected
        ?.code,
    ).toBe('UNIQUE_VIOLATION');
  });

  test('#41 O13: integers beyond 2^53 are exact in fields, edges, unique keys, filters and preconditions', () => {
    const schema = schemaOf([field(1, 'n', Kind.INT, { unique: true })]);
    live.apply({
      schema,
      operations: [
        op.create('a', { 1: val.int(big) }),
        op.create('b', { 1: val.int(big - 1n) }),
        op.link('a', 'b', { fields: { 1: val.int(big) } }),
      ],
    });
    expect(node('a')!.fields[1]).toEqual(val.int(big));
    expect(
      decodeFields(
        live.tenant.sql<{ fields: Buffer }>('canonical', 'SELECT fields FROM edges')[0]!.fields,
      ),
    ).toEqual({ 1: val.int(big) });
    expect(
      live.apply({ schema, operations: [op.create('c', { 1: val.int(big) })] }).rejected
        ?.metadata?.['existing_id'],
    ).toBe('a');
    expect(
      live.apply({
        operations: [op.update('a', {})],
        preconditions: [precondition('a', { equals: { 1: val.int(big - 1n) } })],
      }).rejected?.code,
    ).toBe('PRECONDITION_FAILED');
    expect(
      live.apply({
        operations: [op.update('a', {})],
        preconditions: [precondition('a', { equals: { 1: val.int(big) } })],
      }).applied,
    ).toBeDefined();
    expect(
      live.apply({ operations: [op.removeWhere(compare(1, Operator.GTE, val.int(big)))] }).applied!
        .operations[0]!.deleted_ids,
    ).toEqual(['a']);
  });

  test('#43: 0, false and "" are values, and differ from absence', () => {
    live.apply({
      operations: [op.create('a', { 1: val.int(0), 2: val.bool(false), 3: val.str('') })],
    });
    expect(node('a')!.fields).toEqual({ 1: val.int(0), 2: val.bool(false), 3: val.str('') });
    expect(
      live.apply({
        operations: [op.update('a', {})],
        preconditions: [precondition('a', { absent: [1] })],
      }).rejected?.field,
    ).toBe('preconditions[0].absent[0]');
    expect(live.apply({ operations: [op.update('a', {}, { clear: [1] })] }).applied).toBeDefined();
    expect(
      live.apply({
        operations: [op.update('a', {})],
        preconditions: [precondition('a', { absent: [1] })],
      }).applied,
    ).toBeDefined();
  });

  test('O2 #45: values and ids that no gateway would let pass are rejected, and poison nobody', () => {
    const noKind = { $typeName: 'entdb.v1.Value' as const, kind: { case: undefined } };
    const codes = [
      op.create('a', { 1: noKind }),
      op.create('a', { 1: val.float(Number.NaN) }),
      op.create('a', { 1: val.list([val.int(1), val.str('x')]) }),
      op.create('$alias'),
      op.create(''),
      op.update('$alias', {}),
      op.create('a', { 1: val.ref('$alias') }),
    ].map(
      (operation) =>
        live.apply({ operations: [operation], raw: (record) => record }).rejected?.code,
    );
    expect(codes).toEqual([
      'INVALID_VALUE',
      'INVALID_VALUE',
      'INVALID_VALUE',
      'INVALID_ID',
      'INVALID_ID',
      'NOT_FOUND',
      'REFERENCE_NOT_FOUND',
    ]);
    expect(count('nodes')).toBe(0);
  });
});

describe('what the catalog says', () => {
  const schema = schemaOf([
    field(1, 'name', Kind.STR, { required: true }),
    field(2, 'color', Kind.ENUM, { enumValues: ['red', 'blue'] }),
    field(3, 'boss', Kind.REF, { refTypeId: 1 }),
    field(4, 'tags', Kind.STR, { list: true }),
  ]);
  beforeEach(() =>
    live.apply({
      schema,
      operations: [op.create('a', { 1: val.str('ann') }), op.create('x', {}, { typeId: 2 })],
    }),
  );

  test.each([
    [
      'UNKNOWN_FIELD',
      op.create('b', { 1: val.str('b'), 9: val.int(1) }),
      'operations[0].create_node.fields[9]',
    ],
    ['TYPE_MISMATCH', op.create('b', { 1: val.int(1) }), 'operations[0].create_node.fields[1]'],
    [
      'TYPE_MISMATCH',
      op.create('b', { 1: val.str('b'), 4: val.str('b') }),
      'operations[0].create_node.fields[4]',
    ],
    ['REQUIRED_FIELD', op.create('b', {}), 'operations[0].create_node.fields[1]'],
    ['REQUIRED_FIELD', op.update('a', {}, { clear: [1] }), 'operations[0].update_node.clear[0]'],
    [
      'UNKNOWN_ENUM_VALUE',
      op.update('a', { 2: val.enum('green') }),
      'operations[0].update_node.set[2]',
    ],
    [
      'REFERENCE_NOT_FOUND',
      op.update('a', { 3: val.ref('nobody') }),
      'operations[0].update_node.set[3]',
    ],
    [
      'REFERENCE_NOT_FOUND',
      op.update('a', { 3: val.ref('x') }),
      'operations[0].update_node.set[3]',
    ],
    ['TYPE_MISMATCH', op.update('x', {}), 'operations[0].update_node.type_id'],
    ['TYPE_MISMATCH', op.remove('x'), 'operations[0].delete_node.type_id'],
    ['NOT_FOUND', op.update('nobody', {}), 'operations[0].update_node.id'],
    [
      'TYPE_MISMATCH',
      op.create('x', { 1: val.str('x') }, { onConflict: OnConflict.SKIP }),
      'operations[0].create_node.type_id',
    ],
  ])('%s also for a writer without a schema: %#', (code, operation, path) => {
    const digest = live.writer.digests().canonical;
    expect(live.apply({ operations: [operation] }).rejected).toMatchObject({ code, field: path });
    expect(live.writer.digests().canonical).not.toBe(digest); // the verdict counts, and nothing else changed:
    expect(count('nodes')).toBe(2);
  });

  test('a ref to a node of the same transaction, or to itself, is good', () => {
    expect(
      live.apply({
        operations: [
          op.create('b', { 1: val.str('b') }),
          op.create('c', { 1: val.str('c'), 3: val.ref('b') }),
        ],
      }).applied,
    ).toBeDefined();
    expect(
      live.apply({ operations: [op.create('d', { 1: val.str('d'), 3: val.ref('d') })] }).applied,
    ).toBeDefined();
    expect(
      live.apply({
        operations: [
          op.create('e', { 1: val.str('e'), 3: val.ref('f') }),
          op.create('f', { 1: val.str('f') }),
        ],
      }).rejected?.code,
    ).toBe('REFERENCE_NOT_FOUND');
  });

  test('#40: a type that the catalog does not know is kept as it came', () => {
    live.apply({ operations: [op.create('y', { 77: val.json('{"b":1, "a":2}') }, { typeId: 3 })] });
    expect(node('y')!.fields).toEqual({ 77: val.json('{"b":1, "a":2}') });
  });
});

describe('update and delete', () => {
  test('a change raises the version by one; no change changes nothing', () => {
    live.apply({ operations: [op.create('a', { 1: val.str('x'), 2: val.int(5) })] });
    const before = node('a');
    expect(
      live.apply({ operations: [op.update('a', { 1: val.str('x') }, { clear: [7] })] }).applied!
        .operations,
    ).toEqual([{ id: 'a', changed: false }]);
    expect(node('a')).toEqual(before);
    expect(
      live.apply({ operations: [op.update('a', { 1: val.str('y') }, { clear: [2] })] }).applied!
        .operations,
    ).toEqual([{ id: 'a', changed: true }]);
    expect(node('a')).toMatchObject({
      version: 2,
      fields: { 1: val.str('y') },
      created_at: before!.created_at,
      updated_at: before!.created_at + 2_000_000,
    });
  });

  test('#34 O12: deleting a node takes its edges, keys, index entries and full text', () => {
    live.apply({
      schema: unique,
      operations: ['a', 'b', 'c'].map((id) =>
        op.create(id, { 1: val.str(id), 2: val.int(1), 3: val.str(`text of ${id}`) }),
      ),
    });
    live.apply({
      operations: [op.link('a', 'b'), op.link('b', 'a'), op.link('a', 'a'), op.link('b', 'c')],
    });
    expect(live.apply({ operations: [op.remove('a')] }).applied!.operations).toEqual([
      { id: 'a', changed: true },
    ]);
    expect([count('nodes'), count('edges'), count('unique_keys'), count('field_index')]).toEqual([
      2, 1, 2, 2,
    ]);
    expect(
      live.tenant.sql('canonical', `SELECT rowid FROM nodes_fts WHERE nodes_fts MATCH '"a"'`),
    ).toEqual([]);
    expect(
      live.apply({ operations: [op.removeWhere(compare(1, Operator.EQ, val.str('b')))] }).applied!
        .operations,
    ).toEqual([{ changed: true, deleted_ids: ['b'] }]);
    expect(
      live.tenant.sql('canonical', `SELECT rowid FROM nodes_fts WHERE nodes_fts MATCH 'text'`),
    ).toHaveLength(1);
    expect([count('nodes'), count('edges'), count('unique_keys'), count('field_index')]).toEqual([
      1, 0, 1, 1,
    ]);
    expect(live.apply({ operations: [op.remove('a')] }).applied!.operations).toEqual([
      { id: 'a', changed: false },
    ]);
    expect(
      live.apply({ schema: unique, operations: [op.create('z', { 1: val.str('a') })] }).applied,
    ).toBeDefined();
  });

  test('delete-where without a filter takes the type, in the order of ids, up to its limit', () => {
    live.apply({
      operations: ['c', 'a', 'b']
        .map((id) => op.create(id))
        .concat(op.create('other', {}, { typeId: 2 })),
    });
    expect(live.apply({ operations: [op.removeWhere(undefined, 2)] }).rejected).toMatchObject({
      code: 'TOO_MANY_MATCHES',
      field: 'operations[0].delete_where.max_matches',
    });
    expect(live.apply({ operations: [op.removeWhere(undefined, 3)] }).applied!.operations).toEqual([
      { changed: true, deleted_ids: ['a', 'b', 'c'] },
    ]);
    expect(live.apply({ operations: [op.removeWhere(undefined)] }).applied!.operations).toEqual([
      { changed: false, deleted_ids: [] },
    ]);
    expect(count('nodes')).toBe(1);
  });
});

describe('edges', () => {
  const schema = {
    ...schemaOf([]),
    edgeTypes: [
      {
        $typeName: 'entdb.v1.EdgeType' as const,
        id: 1,
        name: 'owns',
        fromTypeIds: [1],
        toTypeIds: [2],
        fields: [field(1, 'since', Kind.INT, { required: true })],
      },
    ],
  };
  const since = { fields: { 1: val.int(1) } };
  beforeEach(() =>
    live.apply({ schema, operations: [op.create('a'), op.create('x', {}, { typeId: 2 })] }),
  );

  test.each([
    ['REFERENCE_NOT_FOUND', op.link('a', 'nobody', since), 'operations[0].create_edge.to_id'],
    ['REFERENCE_NOT_FOUND', op.link('nobody', 'x', since), 'operations[0].create_edge.from_id'],
    ['REFERENCE_NOT_FOUND', op.link('x', 'x', since), 'operations[0].create_edge.from_id'],
    ['REFERENCE_NOT_FOUND', op.link('a', 'a', since), 'operations[0].create_edge.to_id'],
    ['REQUIRED_FIELD', op.link('a', 'x'), 'operations[0].create_edge.fields[1]'],
    [
      'TYPE_MISMATCH',
      op.link('a', 'x', { fields: { 1: val.str('1') } }),
      'operations[0].create_edge.fields[1]',
    ],
  ])('%s: %#', (code, operation, path) => {
    expect(live.apply({ operations: [operation] }).rejected).toMatchObject({ code, field: path });
  });

  test('an edge is named by type, ends and key', () => {
    expect(
      live.apply({
        operations: [op.link('a', 'x', since), op.link('a', 'x', { ...since, key: '2' })],
      }).applied,
    ).toBeDefined();
    expect(live.apply({ operations: [op.link('a', 'x', since)] }).rejected?.code).toBe(
      'ALREADY_EXISTS',
    );
    expect(
      live.apply({ operations: [op.link('a', 'x', { ...since, onConflict: OnConflict.SKIP })] })
        .applied!.operations,
    ).toEqual([{ changed: false }]);
    expect(
      live.apply({ operations: [op.unlink('a', 'x'), op.unlink('a', 'x')] }).applied!.operations,
    ).toEqual([{ changed: true }, { changed: false }]);
    expect(count('edges')).toBe(1);
  });
});

describe('preconditions', () => {
  beforeEach(() =>
    live.apply({ operations: [op.create('a', { 1: val.float(0), 2: val.int(5) })] }),
  );

  test.each([
    [precondition('a'), undefined],
    [
      precondition('a', { exists: true, version: 1n, equals: { 2: val.int(5) }, absent: [3] }),
      undefined,
    ],
    [precondition('a', { equals: { 1: val.float(-0) } }), undefined],
    [precondition('b', { exists: false }), undefined],
    [precondition('b'), 'preconditions[0].node_id'],
    [precondition('a', { exists: false }), 'preconditions[0].exists'],
    [precondition('a', { version: 2n }), 'preconditions[0].version'],
    [precondition('a', { typeId: 2 }), 'preconditions[0].type_id'],
    [precondition('a', { equals: { 3: val.int(5) } }), 'preconditions[0].equals[3]'],
    [precondition('a', { absent: [2] }), 'preconditions[0].absent[0]'],
    // #42: an int is not the float that looks like it
    [precondition('a', { equals: { 2: val.float(5) } }), 'preconditions[0].equals[2]'],
  ])('%#', (condition, failed) => {
    expect(
      live.apply({ operations: [op.update('a', { 9: val.int(1) })], preconditions: [condition] })
        .rejected?.field,
    ).toBe(failed);
    expect(node('a')!.version).toBe(failed === undefined ? 2 : 1);
  });

  test('all are judged before the first operation', () => {
    expect(
      live.apply({
        operations: [op.remove('a'), op.create('a')],
        preconditions: [precondition('a', { version: 1n })],
      }).applied,
    ).toBeDefined();
  });
});
