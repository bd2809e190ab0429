import { join } from 'node:path';
import type { EntError } from '@entdb/base';
import { Kind, val, type Operation } from '@entdb/contracts';
import { TenantFile } from '../sqlite/tenant-file.ts';
import type { TenantWriter } from '../store.ts';
import { delivery, field, op, precondition, recordAt, schemaOf, tenantId } from './testing/log.ts';
import {
  createLiveTenant,
  createTenantDir,
  dump,
  type LiveTenant,
  type TenantDir,
} from './testing/tenant-dir.ts';
import { createWriter } from './writer.ts';

/** The outcomes of a record beside the plain ones: repeats, refusals, tenants that come and go, poison, a full disk. */
let live: LiveTenant;
beforeEach(() => (live = createLiveTenant()));
afterEach(() => live.close());

const unknownOperation: Operation = { $typeName: 'entdb.v1.Operation', op: { case: undefined } };
const asItIs = <T>(record: T): T => record;

describe('idempotency (#6)', () => {
  test('the same key and request has the first verdict, byte for byte, whatever the state is by then', () => {
    const operations = [op.create('a')];
    const first = live.apply({ key: 'k', operations });
    live.apply({ operations: [op.remove('a')] });
    expect(live.apply({ key: 'k', operations })).toEqual({ ...first, kind: 'repeated' });
    expect(live.tenant.sql('canonical', 'SELECT id FROM nodes')).toEqual([]);
    expect(live.writer.position).toMatchObject({ offset: 2, sequence: 3 });
  });

  test('a rejection is kept with its key, and is not judged again', () => {
    const rejected = live.apply({ key: 'k', operations: [op.update('a', {})] });
    live.apply({ operations: [op.create('a')] });
    expect(live.apply({ key: 'k', operations: [op.update('a', {})] })).toEqual({
      ...rejected,
      kind: 'repeated',
    });
  });

  test('the same key with another request is refused, and changes nothing but the position', () => {
    live.apply({ key: 'k', operations: [op.create('a')] });
    const before = live.writer.digests();
    expect(live.apply({ key: 'k', operations: [op.create('b')] })).toEqual({
      kind: 'refused',
      refused: 'IDEMPOTENCY_KEY_REUSED',
    });
    expect(live.writer.digests()).toEqual(before);
    expect(live.writer.position.offset).toBe(1);
  });

  test('#62: a rejected transaction leaves nothing behind: rows, keys, index, full text, digest', () => {
    const schema = schemaOf([
      field(1, 'name', Kind.STR, { unique: true, indexed: true, searchable: true }),
    ]);
    live.apply({ schema, operations: [op.create('a', { 1: val.str('ann') })] });
    const before = dump(live.tenant) as Record<string, unknown>;
    const operations = [
      op.create('b', { 1: val.str('bob') }),
      op.update('a', { 1: val.str('ada') }),
      op.link('a', 'b'),
      op.remove('a'),
      op.update('nobody', {}),
    ];
    expect(live.apply({ operations }).rejected?.field).toBe('operations[4].update_node.id');
    const {
      events: _events,
      progress: _progress,
      ...after
    } = dump(live.tenant) as Record<string, unknown>;
    expect(before).toMatchObject(after);
    live.writer.scrub();
    expect(
      live.apply({ operations: [op.create('b', { 1: val.str('bob') })] }).applied,
    ).toBeDefined();
  });
});

describe('tenants', () => {
  test('a tenant comes to be with its first record, or only when it is made', () => {
    expect(live.apply({ autoCreate: false, operations: [op.create('a')] }).rejected?.code).toBe(
      'TENANT_NOT_FOUND',
    );
    expect(live.apply({ body: 'tenantDeleted' }).rejected?.code).toBe('TENANT_NOT_FOUND');
    expect(live.apply({ body: 'tenantCreated' }).applied).toEqual({ operations: [] });
    expect(live.apply({ body: 'tenantCreated' }).rejected?.code).toBe('TENANT_EXISTS');
    expect(live.apply({ autoCreate: false, operations: [op.create('a')] }).applied).toBeDefined();
  });

  test('a deleted tenant keeps the verdict of its deletion alone; made again it begins the next epoch', () => {
    const schema = schemaOf([field(1, 'name', Kind.STR, { unique: true, searchable: true })]);
    live.apply({
      key: 'k',
      schema,
      operations: [
        op.create('a', { 1: val.str('x') }, { delivery: delivery(['u']) }),
        op.link('a', 'a'),
      ],
    });
    live.apply({ key: 'gone', body: 'tenantDeleted' });
    const { nodes, edges, unique, events, schemas, items } = dump(live.tenant) as Record<
      string,
      readonly unknown[]
    >;
    expect([nodes, edges, unique, schemas, items].map((rows) => rows!.length)).toEqual([
      0, 0, 0, 1, 0,
    ]);
    expect(live.tenant.sql('canonical', 'SELECT ordinal FROM schemas')).toEqual([{ ordinal: -1 }]);
    expect(events).toHaveLength(1);
    live.writer.scrub();
    expect(live.apply({ operations: [op.create('a')] }).rejected?.code).toBe('TENANT_DELETED');
    expect(live.apply({ body: 'tenantDeleted' }).rejected?.code).toBe('TENANT_DELETED');
    live.apply({ body: 'tenantCreated' });
    expect(live.writer.position.epoch).toBe(2);
    // The gateways have sent the definitions once and do not send them again.
    expect(
      live.apply({
        key: 'k',
        schema,
        definitions: false,
        operations: [op.create('a', { 1: val.str('x') })],
      }).applied,
    ).toBeDefined();
    expect(live.tenant.sql('canonical', 'SELECT ordinal FROM schemas')).toEqual([{ ordinal: 0 }]);
    live.writer.scrub();
  });
});

describe('poison', () => {
  test('#33: an operation that is not known stops the tenant; what came before is committed, nothing of it is', () => {
    const records = [
      recordAt(0, { operations: [op.create('a')] }),
      recordAt(1, { operations: [op.create('b'), unknownOperation], raw: asItIs }),
      recordAt(2, { operations: [op.create('c')] }),
    ];
    for (let attempt = 0; attempt < 2; attempt++) {
      const { outcomes, poison } = live.writer.apply(records);
      expect(outcomes.map((outcome) => outcome.kind)).toEqual([
        attempt === 0 ? 'verdict' : 'repeated',
      ]);
      expect(poison).toMatchObject({ offset: 1, error: { code: 'UNKNOWN_FORMAT' } });
      expect(live.tenant.sql('canonical', 'SELECT id FROM nodes')).toEqual([{ id: 'a' }]);
      expect(live.writer.position).toMatchObject({ offset: 0, sequence: 1 });
    }
    live.writer.scrub();
  });

  test('a record that the mailbox cannot apply stops the tenant, too: the writer stands where the mailbox stands', () => {
    const parts = { operations: [op.create('b', {}, { delivery: delivery(['u']) })] };
    live.apply({ operations: [op.create('a', {}, { delivery: delivery(['u']) })] });
    live.tenant.sql(
      'mailbox',
      `CREATE TRIGGER stop BEFORE INSERT ON items BEGIN SELECT RAISE (ABORT, 'no'); END`,
    );
    const records = [
      recordAt(1, { operations: [op.create('x')] }),
      recordAt(2, parts),
      recordAt(3, { operations: [op.create('y')] }),
    ];
    const { outcomes, poison } = live.writer.apply(records);
    expect([
      outcomes.map((outcome) => outcome.offset),
      poison?.offset,
      live.writer.position.offset,
    ]).toEqual([[1], 2, 1]);
    live.tenant.sql('mailbox', 'DROP TRIGGER stop');
    expect(live.writer.apply(records.slice(1))).toMatchObject({
      outcomes: [{ kind: 'repeated' }, { kind: 'repeated' }],
    });
    expect(live.tenant.sql('mailbox', 'SELECT node_id FROM items')).toHaveLength(2);
    expect(live.writer.position.offset).toBe(3);
    live.writer.scrub();
  });
});

describe('trouble of the store', () => {
  let tenant: TenantDir;
  let writer: TenantWriter;
  let files: { readonly canonical: TenantFile; readonly mailbox: TenantFile };
  beforeEach(() => {
    tenant = createTenantDir();
    tenant.open().close();
    const open = (name: string) =>
      new TenantFile({
        path: join(tenant.dir, name),
        tenantId,
        synchronous: 'NORMAL',
        check: 'none',
      });
    files = { canonical: open('canonical.db'), mailbox: open('mailbox.db') };
    writer = createWriter(tenantId, files.canonical, files.mailbox);
  });
  afterEach(() => {
    writer.close();
    tenant.remove();
  });

  const schema = schemaOf([field(1, 'name', Kind.STR, { unique: true })]);
  const small = recordAt(0, { operations: [op.create('a')] });
  const large = [
    recordAt(1, {
      schema,
      operations: [
        op.create('b', { 1: val.str('b') }, { delivery: delivery(['u'], 'x'.repeat(300_000)) }),
      ],
    }),
    recordAt(2, {
      schema,
      definitions: false,
      operations: [op.create('c', { 1: val.bytes(Buffer.alloc(300_000)) }, { typeId: 2 })],
    }),
  ];
  const limit = (file: TenantFile, pages: number) =>
    file.db.prepare(`PRAGMA max_page_count = ${pages}`).get();

  test.each(['canonical', 'mailbox'] as const)(
    'a full disk under the %s file commits nothing there, in rows or memory, and the same call succeeds later',
    (name) => {
      writer.apply([small]);
      const before = { digest: writer.digests()[name], position: writer.position };
      limit(files[name], 60);
      expect(() => writer.apply(large)).toThrow(
        expect.objectContaining({ code: 'STORE_UNAVAILABLE' }) as EntError,
      );
      expect({ digest: writer.digests()[name], position: writer.position }).toEqual(before);
      limit(files[name], 1_000_000);
      const { outcomes, poison } = writer.apply(large);
      expect([outcomes.length, poison]).toEqual([2, undefined]);
      expect(
        outcomes.every(
          (outcome) => outcome.kind !== 'refused' && outcome.resultJson.includes('"applied"'),
        ),
      ).toBe(true);
      writer.scrub();

      const other = createLiveTenant();
      other.writer.apply([small, ...large]);
      expect(writer.digests()).toEqual(other.writer.digests());
      other.close();
    },
  );

  test('a damaged row is found when it is used, and named', () => {
    writer.apply([small]);
    tenant.sql('canonical', `UPDATE nodes SET version = 7 WHERE id = 'a'`);
    expect(() =>
      writer.apply([
        recordAt(1, { operations: [op.create('b')], preconditions: [precondition('a')] }),
      ]),
    ).toThrow(
      expect.objectContaining({
        code: 'STORE_CORRUPT',
        facts: expect.objectContaining({ metadata: { table: 'node', key: 'a' } }) as unknown,
      }) as EntError,
    );
    expect(writer.position.offset).toBe(0);
  });

  test('O8: a record of another partition is refused by name, not compared by its number', () => {
    writer.apply([small]);
    expect(() =>
      writer.apply([{ ...recordAt(5, { operations: [op.create('b')] }), partition: 4 }]),
    ).toThrow(expect.objectContaining({ code: 'INVALID_POSITION' }) as EntError);
  });

  test('numbers come back as the integers that they were, with their storage class', () => {
    writer.apply([recordAt(0, { operations: [op.create('a')] }, 4_000_000_000_123)]);
    expect(
      tenant.sql(
        'canonical',
        'SELECT created_at, typeof(created_at) AS kind, typeof(type) AS type FROM nodes',
      ),
    ).toEqual([{ created_at: 4_000_000_000_123_000, kind: 'integer', type: 'integer' }]);
    expect(writer.position.logTimeUs).toBe(4_000_000_000_123_000);
  });
});
