import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeWalRecord } from '@entdb/contracts';
import { openTenantWriter, type PlacedRecord } from '@entdb/tenant-store';
import { walTopic } from '@entdb/wal';
import { recordOf } from '../testing/records.ts';
import { createCheckpoints } from './checkpoints.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-checkpoints-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const placed = (offset: number): PlacedRecord => {
  const { key, value } = recordOf('acme', offset);
  return { topic: walTopic, partition: 0, offset, timeMs: 0, record: decodeWalRecord(key, value) };
};

it.each(['mailbox.db', 'canonical.db'])(
  'nothing is said while %s is the older of the two, nor of a tenant that is not known',
  (older) => {
    const checkpoints = createCheckpoints(openTenantWriter);
    const opened = (create: boolean) =>
      checkpoints.openWriter({ dir: join(dir, 'acme'), tenantId: 'acme', create });
    const first = opened(true);
    first.apply([placed(0)]);
    first.close();
    cpSync(join(dir, 'acme', older), join(dir, older));
    const second = opened(false);
    second.apply([placed(1)]);
    second.close();
    cpSync(join(dir, older), join(dir, 'acme', older));

    const third = opened(false);
    expect(checkpoints.take(['acme', 'nobody'])).toEqual([]);
    third.apply([placed(1)]);
    expect(checkpoints.take(['acme'])).toEqual([
      { tenantId: 'acme', position: third.position, digests: third.digests() },
    ]);
    expect(third.position.offset).toBe(1);
    third.close();
  },
);
