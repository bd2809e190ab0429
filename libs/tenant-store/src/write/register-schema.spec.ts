import { Kind, val, type Schema } from '@entdb/contracts';
import { field, op, recordAt, schemaOf } from './testing/log.ts';
import { createLiveTenant, type LiveTenant } from './testing/tenant-dir.ts';

/** Schemas come with the records, versions live side by side, and what a version adds holds for the rows that were there before it. */
let live: LiveTenant;
beforeEach(() => (live = createLiveTenant()));
afterEach(() => {
  live.writer.scrub();
  live.writer.close();
  live.tenant.remove();
});

const plain = schemaOf([field(1, 'name', Kind.STR), field(2, 'age', Kind.INT)]);
const version = (more: Parameters<typeof field>[3]): Schema =>
  schemaOf([field(1, 'name', Kind.STR, more), field(2, 'age', Kind.INT)]);
const create = (id: string, name: string) => op.create(id, { 1: val.str(name) });

test('#14: a record of an old version is good after a newer one came, and again on replay', () => {
  live.apply({ schema: plain, operations: [create('a', 'ann')] });
  live.apply({ schema: version({ searchable: true }), operations: [create('b', 'bob')] });
  expect(
    live.apply({ schema: plain, definitions: false, operations: [create('c', 'cid')] }).applied,
  ).toBeDefined();
  const other = createLiveTenant();
  other.writer.apply(live.log);
  expect(other.writer.digests()).toEqual(live.writer.digests());
  other.close();
});

test('a fingerprint without its definitions is refused, and the same key may come again with them', () => {
  const operations = [create('a', 'ann')];
  expect(live.apply({ key: 'k', schema: plain, definitions: false, operations })).toEqual({
    kind: 'refused',
    refused: 'SCHEMA_NEEDED',
  });
  expect(live.writer.position).toMatchObject({ offset: 0, sequence: 1 });
  expect(live.tenant.sql('canonical', 'SELECT state FROM meta')).toEqual([{ state: 'absent' }]);
  expect(live.apply({ key: 'k', schema: plain, operations }).applied).toBeDefined();
});

test('a version is kept even if its first record is rejected: the gateway sends the definitions once', () => {
  expect(live.apply({ schema: plain, operations: [op.update('nobody', {})] }).rejected?.code).toBe(
    'NOT_FOUND',
  );
  expect(
    live.apply({ schema: plain, definitions: false, operations: [create('a', 'ann')] }).applied,
  ).toBeDefined();
});

test('definitions that came once are never asked for again, whatever became of their record', () => {
  const other = version({ indexed: true });
  const name = schemaOf([field(1, 'name', Kind.INT)]);
  live.apply({ key: 'used', schema: plain, operations: [create('a', 'ann')] });
  // Under a key that is taken: refused, and remembered.
  expect(
    live.apply({ key: 'used', schema: other, operations: [create('b', 'bob')] }),
  ).toMatchObject({
    refused: 'IDEMPOTENCY_KEY_REUSED',
  });
  const bare = { definitions: false, operations: [create('b', 'bob')] };
  expect(live.apply({ schema: other, ...bare }).applied).toBeDefined();
  // Incompatible: refused each time with the reason, never with a question.
  for (const definitions of [true, false]) {
    const verdict = live.apply({
      schema: name,
      definitions,
      operations: [op.create('c', { 1: val.int(1) })],
    });
    expect(verdict.rejected?.code).toBe('SCHEMA_INCOMPATIBLE');
  }
  // Deleted, and made again: sent while there was no tenant.
  live.apply({ body: 'tenantDeleted' });
  expect(live.apply({ schema: name, operations: [op.create('c')] }).rejected?.code).toBe(
    'TENANT_DELETED',
  );
  live.apply({ body: 'tenantCreated' });
  expect(
    live.apply({
      schema: name,
      definitions: false,
      operations: [op.create('c', { 1: val.int(1) })],
    }).applied,
  ).toBeDefined();
  live.writer.scrub();
});

test('#60: the catalog is in the file: a writer that opens it anew holds its constraints', () => {
  live.apply({ schema: version({ unique: true }), operations: [create('a', 'ann')] });
  live.writer.close();
  const writer = live.tenant.open({ create: false });
  const { outcomes } = writer.apply([
    recordAt(1, {
      schema: version({ unique: true }),
      definitions: false,
      operations: [create('b', 'ann')],
    }),
  ]);
  expect(outcomes).toMatchObject([
    { kind: 'verdict', resultJson: expect.stringContaining('UNIQUE_VIOLATION') as string },
  ]);
  writer.close();
  live = { ...live, writer: live.tenant.open() };
});

test('#59 #63 O16: new unique keys, indexes and full text reach back to earlier rows, as rows of fixed tables', () => {
  const tables = () => live.tenant.sql('canonical', 'SELECT name FROM sqlite_schema ORDER BY name');
  const before = tables();
  live.apply({ schema: plain, operations: [create('a', 'ann'), create('b', 'bob')] });
  live.apply({
    schema: version({ unique: true, indexed: true, searchable: true }),
    operations: [create('c', 'cid')],
  });
  expect(live.tenant.sql('canonical', 'SELECT node_id FROM unique_keys ORDER BY value')).toEqual([
    { node_id: 'a' },
    { node_id: 'b' },
    { node_id: 'c' },
  ]);
  expect(live.tenant.sql('canonical', 'SELECT node_id FROM field_index')).toHaveLength(3);
  expect(
    live.tenant.sql('canonical', `SELECT rowid FROM nodes_fts WHERE nodes_fts MATCH 'ann'`),
  ).toHaveLength(1);
  expect(live.apply({ operations: [create('d', 'ann')] }).rejected?.metadata?.['existing_id']).toBe(
    'a',
  );
  expect(tables()).toEqual(before);
});

test('O3: a unique key over duplicates is a verdict with both nodes, leaves the catalog as it was, and may come when they are gone', () => {
  live.apply({
    schema: plain,
    operations: [create('a', 'ann'), create('b', 'ann'), create('c', 'cid')],
  });
  expect(
    live.apply({
      schema: version({ unique: true, indexed: true }),
      operations: [create('d', 'dan')],
    }).rejected,
  ).toMatchObject({
    code: 'SCHEMA_INCOMPATIBLE',
    metadata: { first_id: 'a', second_id: 'b', field_ids: '1' },
  });
  expect(live.tenant.sql('canonical', 'SELECT * FROM unique_keys')).toEqual([]);
  expect(live.tenant.sql('canonical', 'SELECT ordinal FROM schemas ORDER BY ordinal')).toEqual([
    { ordinal: -1 },
    { ordinal: 0 },
  ]);
  live.apply({ operations: [op.remove('b')] });
  expect(
    live.apply({
      schema: version({ unique: true, indexed: true }),
      operations: [create('d', 'dan')],
    }).applied,
  ).toBeDefined();
});

test('O15: a breaking version is a stored verdict with its reason; the tenant’s own history alone decides', () => {
  live.apply({ schema: plain, operations: [create('a', 'ann')] });
  const breaking = schemaOf([field(1, 'name', Kind.INT)]);
  expect(live.apply({ schema: breaking, operations: [op.create('b')] }).rejected).toMatchObject({
    code: 'SCHEMA_INCOMPATIBLE',
    field: 'schema',
  });
  const other = createLiveTenant();
  expect(other.apply({ schema: breaking, operations: [op.create('b')] }).applied).toBeDefined();
  other.close();
});

test('a version that contradicts rows written without a schema is incompatible', () => {
  live.apply({
    operations: [
      op.create('a', { 1: val.int(1), 2: val.int(2) }),
      op.create('b'),
      op.link('a', 'b'),
    ],
  });
  expect(live.apply({ schema: plain, operations: [op.create('c')] }).rejected?.code).toBe(
    'SCHEMA_INCOMPATIBLE',
  );
  expect(
    live.apply({
      schema: schemaOf([field(2, 'age', Kind.INT, { required: true })]),
      operations: [op.create('c')],
    }).rejected?.code,
  ).toBe('SCHEMA_INCOMPATIBLE');
  const edges = {
    ...schemaOf([]),
    edgeTypes: [
      {
        $typeName: 'entdb.v1.EdgeType' as const,
        id: 1,
        name: 'owns',
        fromTypeIds: [2],
        toTypeIds: [],
        fields: [],
      },
    ],
  };
  expect(live.apply({ schema: edges, operations: [op.create('c')] }).rejected?.code).toBe(
    'SCHEMA_INCOMPATIBLE',
  );
  expect(
    live.apply({
      schema: schemaOf([field(2, 'age', Kind.INT, { indexed: true })]),
      operations: [op.create('c')],
    }).applied,
  ).toBeDefined();
});

test('definitions that are not those of the fingerprint are a verdict', () => {
  const raw = { raw: <T>(record: T): T => ({ ...record, schemaFingerprint: 'sha256:0' }) };
  expect(live.apply({ schema: plain, operations: [op.create('a')], ...raw }).rejected?.code).toBe(
    'INVALID_SCHEMA',
  );
});
