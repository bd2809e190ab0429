import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { schemaFingerprint, TenantState, val } from '@entdb/contracts';
import { openTenantWriter } from '../write/writer.ts';
import { openTenantReader } from './reader.ts';
import * as people from './testing/people.ts';
import { codeOf, refusal } from './testing/refusal.ts';
import { ask } from './testing/requests.ts';
import {
  createEdge,
  createNode,
  openTestTenant,
  testTenantId,
  updateNode,
  type TestTenant,
} from './testing/tenant.ts';

const { person, name } = people;

describe('tenant', () => {
  let tenant: TestTenant;
  beforeEach(() => {
    tenant = openTestTenant(people.people);
  });
  afterEach(() => tenant.close());

  it('tells its state, position, digests and counts', () => {
    tenant.write(
      createNode(person, 'a'),
      createNode(person, 'b'),
      createEdge(people.knows, 'a', 'b'),
    );
    const { canonical, mailbox } = tenant.writer.digests();
    expect(tenant.reader.getTenant(ask.tenant())).toEqual({
      $typeName: 'entdb.v1.GetTenantResponse',
      state: TenantState.ACTIVE,
      position: {
        $typeName: 'entdb.v1.Position',
        topic: 'entdb-wal',
        partition: 3,
        offset: 1n,
        epoch: 1n,
      },
      sequence: 2n,
      canonicalDigest: canonical,
      mailboxDigest: mailbox,
      nodeCount: 2n,
      edgeCount: 1n,
    });
    expect(tenant.reader.position('mailbox')).toEqual(tenant.writer.position);
    expect(tenant.reader.position('canonical')).toEqual(tenant.writer.position);
  });

  it('has one stored result for each key, and none for a key that it does not know', () => {
    tenant.write(createNode(person, 'a'));
    const { result } = tenant.reader.getResult(ask.result({ idempotencyKey: 'key-1' }));
    expect(result).toMatchObject({
      position: { offset: 1n, partition: 3 },
      appliedAtUs: 1_700_000_000_000_000n,
      outcome: { case: 'applied', value: { operations: [{ id: 'a', changed: true }] } },
    });
    expect(tenant.reader.getResult(ask.result({ idempotencyKey: 'key-9' }))).not.toHaveProperty(
      'result',
    );
  });

  it('gives its catalog, and each schema that it has seen', () => {
    tenant.write(createNode(person, 'a'));
    const fingerprint = schemaFingerprint(people.people);
    const catalog = tenant.reader.getSchema(ask.schema());
    expect(catalog.fingerprints).toEqual([fingerprint]);
    expect(catalog.schema?.nodeTypes.map((type) => type.name)).toEqual(['Person', 'Project']);
    expect(tenant.reader.getSchema(ask.schema({ fingerprint })).schema).toEqual(people.people);
    expect(codeOf(() => tenant.reader.getSchema(ask.schema({ fingerprint: 'sha256:0' })))).toBe(
      'NOT_FOUND',
    );
  });

  it('judges a query by the catalog of its time: a reader that is open learns a schema with the record that brings it', () => {
    const byName = ask.byKey({ typeId: person, key: { [people.email]: val.str('a') } });
    expect(codeOf(() => tenant.reader.getNodeByKey(byName))).toBe('INVALID_ARGUMENT');
    tenant.write(createNode(person, 'a', { [people.email]: val.str('a') }));
    expect(tenant.reader.getNodeByKey(byName).node?.id).toBe('a');
  });

  it('says of what is deleted that it is deleted, and keeps the verdict of the deletion', () => {
    tenant.write(createNode(person, 'a'));
    tenant.deleteTenant();
    const { reader } = tenant;
    for (const read of [
      () => reader.getNode(ask.node({ id: 'a' })),
      () => reader.getNodes(ask.nodes({ ids: ['a'] })),
      () => reader.queryNodes(ask.query({ typeId: person })),
      () => reader.searchNodes(ask.search({ text: 'a' })),
      () => reader.listMailbox(ask.mailbox({ userId: 'u' })),
      () => reader.getSchema(ask.schema()),
    ]) {
      expect(codeOf(read)).toBe('TENANT_DELETED');
    }
    expect(reader.getTenant(ask.tenant())).toMatchObject({
      state: TenantState.DELETED,
      nodeCount: 0n,
    });
    expect(reader.getResult(ask.result({ idempotencyKey: 'key-2' })).result?.outcome.case).toBe(
      'applied',
    );
  });

  it('that no record has made is not found', () => {
    const dir = join(tenant.dir, 'other');
    const writer = openTenantWriter({ dir, tenantId: 'other', create: true });
    const reader = openTenantReader({ dir, tenantId: 'other' });
    expect(codeOf(() => reader.getNode(ask.node({ id: 'a' })))).toBe('TENANT_NOT_FOUND');
    expect(reader.getTenant(ask.tenant()).state).toBe(TenantState.ABSENT);
    reader.close();
    writer.close();
  });
});

describe('a reader', () => {
  let tenant: TestTenant;
  beforeEach(() => {
    tenant = openTestTenant(people.people);
    tenant.write(createNode(person, 'a', { [name]: val.str('before') }));
  });
  afterEach(() => tenant.close());

  const open = () => openTenantReader({ dir: tenant.dir, tenantId: testTenantId });

  it('sees nothing of a batch that was not committed', () => {
    const first = tenant.reader.getNode(ask.node({ id: 'a' }));
    const create = () =>
      tenant.write(updateNode(person, 'a', { [name]: val.str('after') }), createNode(person, 'a'));
    expect(create).toThrow(/not applied/);
    expect(tenant.reader.getNode(ask.node({ id: 'a' })).node).toEqual(first.node);
  });

  it.each(['canonical.db', 'mailbox.db'])(
    'is not opened without %s, and leaves nothing open',
    (file) => {
      const { dir } = tenant;
      rmSync(join(dir, file));
      const error = refusal(open);
      expect(error.code).toBe('STORE_MISSING');
      expect(error.message).not.toContain(dir);
    },
  );

  it.each([
    ['an empty file', ''],
    ['no database', 'x'.repeat(8192)],
  ])('is not opened on %s, and names no path (faults 7 #50, #55)', (_, content) => {
    const { dir } = tenant;
    rmSync(join(dir, 'canonical.db'));
    rmSync(join(dir, 'canonical.db-wal'), { force: true });
    rmSync(join(dir, 'canonical.db-shm'), { force: true });
    writeFileSync(join(dir, 'canonical.db'), content);
    const error = refusal(open);
    expect(error.code).toBe('STORE_CORRUPT');
    expect(error.message).not.toContain(dir);
  });

  it('meets a ruined page as damage, not as an empty answer (faults 7 #50)', () => {
    const { dir, writer, reader } = tenant;
    reader.close();
    writer.close(); // the last connection moves the -wal into the file
    const path = join(dir, 'canonical.db');
    const db = new Database(path, { readonly: true });
    const root = db
      .prepare<[], { rootpage: number }>("SELECT rootpage FROM sqlite_schema WHERE name = 'nodes'")
      .get();
    const size = Number(db.pragma('page_size', { simple: true }));
    db.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, (root!.rootpage - 1) * size, root!.rootpage * size);
    writeFileSync(path, bytes);
    const ruined = open();
    for (const read of [
      () => ruined.getNode(ask.node({ id: 'a' })),
      () => ruined.getNodes(ask.nodes({ ids: ['a'] })),
      () => ruined.queryNodes(ask.query({ typeId: person })),
    ]) {
      const error = refusal(read);
      expect(error.code).toBe('STORE_CORRUPT');
      expect(error.message).not.toContain(dir);
    }
    ruined.close();
    tenant = openTestTenant();
    rmSync(dir, { recursive: true });
  });

  it("is not opened on another tenant's file", () => {
    expect(codeOf(() => openTenantReader({ dir: tenant.dir, tenantId: 'tenant_2' }))).toBe(
      'STORE_CORRUPT',
    );
  });
});
