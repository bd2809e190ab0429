import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EntError } from '@entdb/base';
import { openTenantWriter } from '../write/writer.ts';
import { op, recordAt, tenantId } from '../write/testing/log.ts';
import { createTenantDir, type TenantDir } from '../write/testing/tenant-dir.ts';

/** What a writer says to files that are missing, empty, damaged, of another tenant or of another format: each has its name, none is repaired. */
let tenant: TenantDir;
beforeEach(() => (tenant = createTenantDir()));
afterEach(() => tenant.remove());

const failure = (code: string) => expect.objectContaining({ code }) as EntError;
const filled = () => {
  const writer = tenant.open();
  writer.apply([recordAt(0, { operations: [op.create('a')] })]);
  writer.close();
};
const names = ['canonical.db', 'mailbox.db'] as const;

test('files that are missing are made on request only', () => {
  expect(() => tenant.open({ create: false })).toThrow(failure('STORE_MISSING'));
  tenant.open().close();
  const writer = tenant.open({ create: false, check: 'quick' });
  expect(writer.position).toEqual({
    topic: '',
    partition: 0,
    offset: -1,
    epoch: 1,
    sequence: 0,
    logTimeUs: 0,
  });
  writer.close();
});

test.each(names)(
  '#46 #48: offset 0 of %s is a position like any other, and is known again',
  (name) => {
    filled();
    const writer = tenant.open({ create: false });
    expect(writer.position).toMatchObject({
      topic: 'entdb-wal',
      partition: 3,
      offset: 0,
      sequence: 1,
    });
    writer.close();
    rmSync(join(tenant.dir, name));
    expect(() => tenant.open({ create: false })).toThrow(failure('STORE_MISSING'));
  },
);

test.each(names)('an empty %s is damage, not a new database', (name) => {
  filled();
  truncateSync(join(tenant.dir, name), 0);
  expect(() => tenant.open({ create: false })).toThrow(failure('STORE_CORRUPT'));
  expect(() => tenant.open({ create: true })).toThrow(failure('STORE_CORRUPT'));
});

test.each(names)('%s that is no database', (name) => {
  filled();
  writeFileSync(
    join(tenant.dir, name),
    'no database at all, but long enough to have a header '.repeat(100),
  );
  expect(() => tenant.open({ create: false })).toThrow(failure('STORE_CORRUPT'));
});

test('#21: the files of another tenant', () => {
  filled();
  expect(() => openTenantWriter({ dir: tenant.dir, tenantId: 'other', create: false })).toThrow(
    failure('STORE_CORRUPT'),
  );
  expect(() => openTenantWriter({ dir: tenant.dir, tenantId: '../other', create: true })).toThrow(
    failure('INVALID_TENANT_ID'),
  );
});

test('another format, and a changed meta row', () => {
  filled();
  tenant.sql('canonical', 'UPDATE meta SET "offset" = 7');
  expect(() => tenant.open({ create: false })).toThrow(failure('STORE_CORRUPT'));
  tenant.sql('canonical', 'UPDATE meta SET format = 1');
  expect(() => tenant.open({ create: false })).toThrow(failure('UNKNOWN_FORMAT'));
});

test('a crash while the files are made leaves nothing that looks like damage', () => {
  writeFileSync(join(tenant.dir, 'canonical.db.new'), '');
  writeFileSync(join(tenant.dir, 'canonical.db-wal'), 'of an earlier file');
  const writer = openTenantWriter({ dir: tenant.dir, tenantId, create: true });
  writer.apply([recordAt(0, { operations: [op.create('a')] })]);
  expect(writer.sync()).toBe(0);
  writer.scrub();
  writer.close();
});
