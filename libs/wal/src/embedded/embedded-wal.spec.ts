import Database from 'better-sqlite3';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, fill, numbered, readAll, record, textOf } from '../conformance/fixture.ts';
import { describeWal } from '../conformance.ts';
import { assertTopics } from '../topics.ts';
import { createEmbeddedWal, type EmbeddedWalOptions } from './embedded-wal.ts';
import { openTopic, topicPath } from './topic-file.ts';

const spec = {
  name: 't',
  partitions: 2,
  replicationFactor: 1,
  minInsyncReplicas: 1,
  retentionMs: -1,
  maxMessageBytes: 1_048_588,
};

describeWal('the embedded log', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'entdb-wal-'));
  const wal = createEmbeddedWal({ directory });
  return {
    wal,
    another: async () => createEmbeddedWal({ directory }),
    truncateBefore: wal.truncateBefore,
    failNextAppend: (topic) => refuseValue(directory, topic, 'a'),
    cleanup: async () => {
      await wal.close();
      await rm(directory, { recursive: true });
    },
  };
});

/** Makes SQLite itself fail the transaction that has this value in it. */
function refuseValue(directory: string, topic: string, text: string): void {
  const db = new Database(topicPath(directory, topic));
  db.exec(`
    CREATE TRIGGER refuse BEFORE INSERT ON partition_0 WHEN NEW.value = CAST('${text}' AS BLOB)
    BEGIN SELECT RAISE(ABORT, 'refused'); END`);
  db.close();
}

describe('its files', () => {
  let directory = '';
  const cleanUps: (() => Promise<void>)[] = [];
  const openWal = (options: Partial<EmbeddedWalOptions> = {}) => {
    const wal = createEmbeddedWal({ directory, ...options });
    cleanUps.push(() => wal.close());
    return wal;
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'entdb-wal-'));
  });
  afterEach(async () => {
    await Promise.all(cleanUps.splice(0).map((cleanUp) => cleanUp()));
    await rm(directory, { recursive: true });
  });

  it('are synced at every commit', async () => {
    await openWal().createTopics([spec]);
    const db = openTopic(directory, 't');
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(db.pragma('synchronous', { simple: true })).toBe(2);
    db.close();
  });

  it('are made whole and once, whoever is first', async () => {
    const made = await Promise.all(
      [openWal(), openWal(), openWal()].map((wal) => wal.createTopics([spec])),
    );
    expect(made.flat()).toEqual(['t']);
    expect((await readdir(directory)).filter((name) => name.startsWith('.'))).toEqual([]);
    await assertTopics(openWal(), [spec], { allowUnsafe: false });
  });

  it('hold the records after everyone has left', async () => {
    const first = openWal();
    await first.createTopics([spec]);
    await fill(first, 't', 0, numbered(50));
    await first.close();
    const second = openWal();
    expect((await readAll(second, 't', 0)).map(textOf)).toEqual(numbered(50));
    expect(await codeOf(first.bounds('t', 0))).toBe('SHUTTING_DOWN');
  });

  it('hold the marks after everyone has left', async () => {
    const first = openWal();
    await first.createTopics([spec]);
    await first.commit('archiver', 't', 1, 5);
    await first.close();
    const second = openWal();
    expect(await second.committed('archiver', 't', 1)).toBe(5);
    expect(await codeOf(first.commit('archiver', 't', 1, 6))).toBe('SHUTTING_DOWN');
    expect(await codeOf(first.committed('archiver', 't', 1))).toBe('SHUTTING_DOWN');
  });

  it('refuse topics and partitions that are not there', async () => {
    const wal = openWal();
    expect(await codeOf(wal.openLane('t', 0))).toBe('TOPIC_MISSING');
    expect(await codeOf(wal.bounds('t', 0))).toBe('TOPIC_MISSING');
    expect(await codeOf(wal.createTopics([{ ...spec, name: '../t' }]))).toBe('INVALID_ARGUMENT');
    await wal.createTopics([spec]);
    expect(await codeOf(wal.openLane('t', 2))).toBe('TOPIC_MISMATCH');
    expect(await codeOf(wal.bounds('t', 2))).toBe('TOPIC_MISMATCH');
  });

  it('lose what is past its retention, and keep the offsets', async () => {
    const wal = openWal({ retentionEveryMs: 0 });
    await wal.createTopics([{ ...spec, retentionMs: 1 }]);
    await fill(wal, 't', 0, numbered(2_500));
    const lane = await wal.openLane('t', 0);
    let appended = 2_500;
    for (
      let bounds = await wal.bounds('t', 0);
      bounds.startOffset < 2_500;
      bounds = await wal.bounds('t', 0)
    ) {
      await lane.append([record('later')]);
      appended += 1;
    }
    const { startOffset, endOffset } = await wal.bounds('t', 0);
    expect(endOffset).toBe(appended);
    expect(startOffset).toBeLessThanOrEqual(endOffset);
    expect(startOffset).toBeGreaterThanOrEqual(2_500);
  });

  it('are named as corrupt when they are damaged, and an append then has no known outcome', async () => {
    const before = openWal();
    await before.createTopics([spec]);
    await fill(before, 't', 0, numbered(2_000));
    await before.close();
    const file = await open(topicPath(directory, 't'), 'r+');
    const { size } = await file.stat();
    const intact = 6 * 8_192; // the header, the settings, the first page of each table
    await file.write(Buffer.alloc(size - intact, 0xa5), 0, size - intact, intact);
    await file.close();

    const wal = openWal();
    expect(await codeOf(wal.bounds('t', 0))).toBe('STORE_CORRUPT');
    const consumed = wal.consume({
      topic: 't',
      from: new Map([[0, 0]]),
      signal: new AbortController().signal,
      onBatch: async () => {},
    });
    expect(await codeOf(consumed)).toBe('STORE_CORRUPT');
    const lane = await wal.openLane('t', 0);
    await expect(lane.append([record('a')])).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      facts: { cause: { code: 'STORE_CORRUPT' } },
    });
  });

  it('of a newer version are left alone', async () => {
    const wal = openWal();
    await wal.createTopics([spec]);
    const db = new Database(topicPath(directory, 't'));
    db.pragma('user_version = 2');
    db.close();
    expect(await codeOf(wal.bounds('t', 0))).toBe('UNKNOWN_FORMAT');
  });
});
