import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWal } from '../conformance.ts';
import { createEmbeddedWal } from './embedded-wal.ts';

describeWal('the embedded log', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'entdb-wal-'));
  const wal = createEmbeddedWal({ directory });
  return {
    wal,
    another: async () => createEmbeddedWal({ directory }),
    truncateBefore: wal.truncateBefore,
    cleanup: async () => {
      await wal.close();
      await rm(directory, { recursive: true });
    },
  };
});
