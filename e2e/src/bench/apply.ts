import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '@entdb/base';
import { openShard, openTenantWriter, tenantDir } from '@entdb/tenant-store';
import { walTopic } from '@entdb/wal';
import type { Contender, Contest, Sample } from './contest.ts';
import { bulkInsertOf } from './raw/bulk-insert.ts';
import { logOfCreates, tenantId } from './sample-log.ts';

/** About what a batch of the log brings. */
const recordsPerCommit = 500;
const recordsPerRound = 20_000;
const partition = 3;

/** From sealed records to rows: the applier's thread, without what brings it the records. */
export function applyContest(dir: string, kind: 'typed' | 'untyped'): Contest {
  const log = logOfCreates(recordsPerRound, kind);
  const applyTo = (folder: string) => {
    const shard = openShard({
      dir: folder,
      topic: walTopic,
      partitions: 8,
      owned: [partition],
      openTenantsMax: 4,
      openWriter: openTenantWriter,
      logger: silentLogger,
    });
    try {
      for (let from = 0; from < log.length; from += recordsPerCommit)
        shard.apply(partition, log.slice(from, from + recordsPerCommit));
    } finally {
      shard.close();
    }
  };
  const model = mkdtempSync(join(dir, 'model-'));
  applyTo(model);
  const bulk = bulkInsertOf(join(tenantDir(model, tenantId), 'canonical.db'));
  if (bulk.records !== log.length) throw new Error('not every record was applied');

  const round = (name: string, work: (folder: string) => void): Contender => ({
    name,
    round: async () => {
      const folder = mkdtempSync(join(dir, 'round-'));
      try {
        return timed(log.length, () => work(folder));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  });
  return {
    title: kind === 'typed' ? 'apply, with a schema' : 'apply, without a schema',
    terms: `${recordsPerRound} records that each create a node, ${recordsPerCommit} to a commit; the limit inserts the same rows into the same tables`,
    limit: round('bulk insert', (folder) =>
      bulk.run(join(folder, 'canonical.db'), recordsPerCommit),
    ),
    contenders: [{ ...round('Shard.apply', applyTo), aim: 0.5 }],
  };
}

function timed(count: number, work: () => void): Sample {
  const cpu = process.cpuUsage();
  const started = performance.now();
  work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: count / seconds, cpuUs: (user + system) / count };
}
