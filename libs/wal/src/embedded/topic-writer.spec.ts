import { realClock } from '@entdb/base';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numbered, record } from '../conformance/fixture.ts';
import { packRecords } from './packed-records.ts';
import { createTopic, openTopic } from './topic-file.ts';
import { createTopicReader } from './topic-reader.ts';
import { createTopicWriter } from './topic-writer.ts';

const topic = 't';
const batchOf = (count: number) => [
  { partition: 0, records: packRecords(numbered(count).map((text) => record(text))) },
];

describe('the writers of a topic', () => {
  let directory = '';
  const writerAt = (nowMs: () => number) =>
    createTopicWriter({
      directory,
      topic,
      retentionEveryMs: 0,
      clock: { ...realClock, now: nowMs },
    });
  const make = (retentionMs: number) =>
    createTopic(directory, {
      name: topic,
      partitions: 1,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs,
      maxMessageBytes: 1_048_588,
    });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'entdb-writer-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('never let the time step back, though their clocks differ and the log was emptied meanwhile', () => {
    make(-1);
    const [ahead, behind] = [writerAt(() => 5_000), writerAt(() => 1_000)];
    expect([...ahead.append(batchOf(1)), ...behind.append(batchOf(2))]).toEqual([0, 1]);
    ahead.truncateBefore(0, 3);
    expect(behind.append(batchOf(1))).toEqual([3]);
    const reader = createTopicReader(directory, topic);
    expect(reader.slice(0, 3)).toMatchObject({
      startOffset: 3,
      endOffset: 4,
      timesMs: Float64Array.of(5_000),
    });
    reader.close();
    ahead.close();
    behind.close();
  });

  it('drop what is past its retention in steps, and nothing that is not', () => {
    make(1_000);
    let nowMs = 10_000;
    const writer = writerAt(() => nowMs);
    writer.append(batchOf(2_500));
    nowMs += 500;
    writer.append(batchOf(10));
    const reader = createTopicReader(directory, topic);
    const starts = [10_999, 11_001, 11_001, 11_001, 11_001, 11_501].map((time) => {
      nowMs = time;
      writer.retain();
      return reader.bounds(0).startOffset;
    });
    expect(starts).toEqual([0, 1_000, 2_000, 2_500, 2_500, 2_510]);
    expect(reader.bounds(0).endOffset).toBe(2_510);
    reader.close();
    writer.close();
  });

  it('leave nothing of a transaction that fails', () => {
    make(-1);
    const db = openTopic(directory, topic);
    db.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON partition_0 WHEN NEW.offset = 7 BEGIN SELECT RAISE(ABORT, 'no'); END`,
    );
    const writer = writerAt(realClock.now);
    writer.append(batchOf(5));
    expect(() => writer.append([...batchOf(2), ...batchOf(3)])).toThrow('no');
    db.exec('DROP TRIGGER refuse');
    db.close();
    expect(writer.append(batchOf(1))).toEqual([5]);
    writer.close();
  });
});
