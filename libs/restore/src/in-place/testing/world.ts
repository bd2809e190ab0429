import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partitionOf, parseTenantId, realClock, realRng } from '@entdb/base';
import { decodeWalRecord, encodeResultRecord, encodeWalRecord } from '@entdb/contracts';
import { createDirectoryStore } from '@entdb/object-store';
import {
  adoptRestored,
  openTenantWriter,
  tenantFacts,
  type ApplyOutcome,
  type PlacedRecord,
  type TenantFacts,
} from '@entdb/tenant-store';
import {
  archiverGroup,
  createMemoryWal,
  defaultTopicSettings,
  resultsTopic,
  topicSpecs,
  walTopic,
  type LogRecord,
  type MemoryWal,
} from '@entdb/wal';
import type { Places } from '../../places.ts';

export const tenantId = 'acme';
const partitions = defaultTopicSettings.walPartitions;
const partition = partitionOf(parseTenantId(tenantId), partitions);

/** A log, objects, and one applier: its files after every record, and its verdicts where a record asks. */
export interface World {
  readonly dir: string;
  readonly wal: MemoryWal;
  readonly places: Places;
  /** One node, under the key `key-<n>`. */
  write(n: number): Promise<void>;
  /** What the applier makes of the log so far. */
  facts(): Promise<TenantFacts>;
  /** A copy of its files as they are. */
  filesNow(name: string): Promise<string>;
  /** From now on nobody tells a verdict. */
  mute(): void;
  close(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'entdb-in-place-'));
  const wal = createMemoryWal();
  await wal.createTopics(
    topicSpecs({ ...defaultTopicSettings, replicationFactor: 1, minInsyncReplicas: 1 }),
  );
  const store = createDirectoryStore({
    directory: join(dir, 'objects'),
    clock: realClock,
    rng: realRng,
  });
  const applier = createApplier(wal, join(dir, 'applier'));
  const places: Places = {
    store,
    wal,
    assertTopicsSafe: async () => {},
    logOf: () => ({ wal, topic: walTopic, partition, archiverGroup }),
    close: async () => {},
  };
  return {
    dir,
    wal,
    places,
    async write(n) {
      const lane = await wal.openLane(walTopic, partition);
      await lane.append([{ key: tenantId, value: nodeRecord(n) }]);
      await lane.close();
    },
    async facts() {
      await applier.caughtUp();
      return tenantFacts(applier.dir, tenantId);
    },
    async filesNow(name) {
      await applier.caughtUp();
      cpSync(applier.dir, join(dir, name), { recursive: true });
      return join(dir, name);
    },
    mute: () => applier.mute(),
    async close() {
      await applier.close();
      await store.close();
      await wal.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function createApplier(wal: MemoryWal, root: string) {
  const dir = join(root, 'live');
  const copyOf = (sequence: number) => join(root, `after-${sequence}`);
  const stop = new AbortController();
  let isMuted = false;
  let next = 0;
  let wake = Promise.withResolvers<void>();
  openTenantWriter({ dir, tenantId, create: true }).close();

  const applyOne = (placed: PlacedRecord): ApplyOutcome => {
    const writer = openTenantWriter({ dir, tenantId, create: false });
    const { outcomes, adoption, poison } = writer.apply([placed]);
    const { sequence } = writer.position;
    writer.close();
    if (poison) throw poison.error;
    if (!adoption) {
      cpSync(dir, copyOf(sequence), { recursive: true });
      return outcomes[0]!;
    }
    const restored = join(root, 'restored');
    cpSync(copyOf(Number(adoption.restored.sequence)), restored, { recursive: true });
    adoptRestored({ tenantId, current: dir, restored, placed });
    rmSync(dir, { recursive: true });
    renameSync(restored, dir);
    cpSync(dir, copyOf(sequence + 1), { recursive: true });
    return applyOne(placed); // by now its key has a verdict
  };
  const take = async ({ topic, offset, timeMs, key, value }: LogRecord): Promise<void> => {
    const record = decodeWalRecord(key, value);
    const outcome = applyOne({ topic, partition, offset, timeMs, record });
    if (!record.results || isMuted || outcome.kind === 'refused') return;
    const askedAt = { topic, partition, offset: BigInt(offset), epoch: 0n };
    const lane = await wal.openLane(resultsTopic, record.results.partition);
    await lane.append([
      {
        key,
        value: encodeResultRecord({
          $typeName: 'entdb.v1.ResultRecord',
          tenantId: key,
          idempotencyKey: record.idempotencyKey,
          askedAt: { $typeName: 'entdb.v1.Position', ...askedAt },
          verdict: { case: 'resultJson', value: outcome.resultJson },
        }),
      },
    ]);
    await lane.close();
  };
  const running = wal.consume({
    topic: walTopic,
    from: new Map([[partition, 0]]),
    signal: stop.signal,
    onBatch: async ({ records }) => {
      for (const record of records) {
        await take(record);
        next = record.offset + 1;
        wake.resolve();
        wake = Promise.withResolvers();
      }
    },
  });
  return {
    dir,
    mute: () => void (isMuted = true),
    async caughtUp() {
      const { endOffset } = await wal.bounds(walTopic, partition);
      while (next < endOffset) await Promise.race([wake.promise, running]);
    },
    async close() {
      stop.abort();
      await running;
    },
  };
}

function nodeRecord(n: number): Uint8Array {
  return encodeWalRecord({
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: `key-${n}`,
    requestHash: new Uint8Array(32).fill(n),
    actor: 'test',
    schemaFingerprint: '',
    autoCreate: true,
    body: {
      case: 'transaction',
      value: {
        $typeName: 'entdb.v1.Transaction',
        preconditions: [],
        operations: [
          {
            $typeName: 'entdb.v1.Operation',
            op: {
              case: 'createNode',
              value: {
                $typeName: 'entdb.v1.CreateNode',
                typeId: 1,
                id: `n${n}`,
                alias: '',
                fields: {},
                onConflict: 0,
              },
            },
          },
        ],
      },
    },
  });
}
