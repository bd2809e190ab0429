import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { logSettings, parseSettings } from '@entdb/config';
import { openLog } from './open-log.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-fleet-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (env: Record<string, string>) =>
  openLog(
    parseSettings(logSettings, { ENTDB_DATA_DIR: dir, ...env }),
    { logger: silentLogger, clock: realClock, rng: realRng },
    new AbortController().signal,
  );

describe('opening the log', () => {
  it('makes the topics of the embedded log, also when several processes do so at once', async () => {
    const logs = await Promise.all([1, 2, 3].map(() => open({ ENTDB_WAL_PARTITIONS: '3' })));
    const found = await logs[0]!.wal.describeTopic('entdb-wal');
    expect(found).toMatchObject({ partitions: 3, replicationFactor: 1 });
    await Promise.all(logs.map(({ wal }) => wal.close()));
  });

  it('refuses another number of partitions than the topic was made with', async () => {
    const first = await open({ ENTDB_WAL_PARTITIONS: '3' });
    await first.wal.close();
    await expect(open({ ENTDB_WAL_PARTITIONS: '4' })).rejects.toMatchObject({
      code: 'TOPIC_MISMATCH',
    });
  });
});
