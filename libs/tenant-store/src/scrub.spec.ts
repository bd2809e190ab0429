import type { EntError } from '@entdb/base';
import { killLog } from './write/testing/kill-log.ts';
import { createTenantDir, type TenantDir } from './write/testing/tenant-dir.ts';

/** Each way in which a file can be wrong without SQLite noticing is found, and named by its table. */
let tenant: TenantDir;
beforeEach(() => {
  tenant = createTenantDir();
  const writer = tenant.open();
  writer.apply(killLog(40));
  writer.scrub();
  writer.close();
});
afterEach(() => tenant.remove());

const fts = (table: string, columns: string) =>
  `INSERT INTO ${table} (rowid, ${columns}) VALUES (9999, ${columns
    .split(',')
    .map(() => `'extra'`)
    .join()})`;

test.each([
  ['node', 'canonical', `UPDATE nodes SET version = version + 1 WHERE id = 'n9'`],
  ['node', 'canonical', `UPDATE nodes SET id = 'n9x' WHERE id = 'n9'`],
  ['edge', 'canonical', `UPDATE edges SET created_at = 0 WHERE from_id = 'n9'`],
  [
    'appliedEvent',
    'canonical',
    `UPDATE applied_events SET result_json = '{}' WHERE idempotency_key = 'key-7'`,
  ],
  ['schema', 'canonical', `UPDATE schemas SET ordinal = 5`],
  ['meta', 'canonical', `DELETE FROM nodes WHERE id = 'm7'`],
  ['meta', 'canonical', `DELETE FROM edges WHERE from_id = 'n9'`],
  ['unique_keys', 'canonical', `DELETE FROM unique_keys WHERE node_id = 'n8'`],
  ['unique_keys', 'canonical', `UPDATE unique_keys SET node_id = 'n9' WHERE node_id = 'n8'`],
  ['unique_keys', 'canonical', `INSERT INTO unique_keys VALUES (1, '1', x'00', 'n9')`],
  ['field_index', 'canonical', `DELETE FROM field_index WHERE node_id = 'n8'`],
  ['field_index', 'canonical', `INSERT INTO field_index VALUES (1, 2, x'00', 'n9')`],
  [
    'nodes_fts',
    'canonical',
    `DELETE FROM nodes_fts WHERE rowid = (SELECT rid FROM nodes WHERE id = 'n8')`,
  ],
  ['nodes_fts', 'canonical', fts('nodes_fts', 'text')],
  ['mailboxItem', 'mailbox', `UPDATE items SET read = 1 - read`],
  ['meta', 'mailbox', `DELETE FROM items WHERE node_id = 'n8'`],
  [
    'items_fts',
    'mailbox',
    `DELETE FROM items_fts WHERE rowid = (SELECT rid FROM items WHERE node_id = 'n8')`,
  ],
  ['items_fts', 'mailbox', fts('items_fts', 'owner, text')],
] as const)('%s of %s: %s', (table, file, change) => {
  tenant.sql(file, change);
  const writer = tenant.open();
  expect(() => writer.scrub()).toThrow(
    expect.objectContaining({
      code: 'STORE_CORRUPT',
      facts: expect.objectContaining({
        metadata: expect.objectContaining({ table }) as unknown,
      }) as unknown,
    }) as EntError,
  );
  writer.close();
});
