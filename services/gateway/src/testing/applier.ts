import {
  decodeWalRecord,
  encodeResultRecord,
  positionToWire,
  verdictToJson,
  type ResultRecord,
  type Verdict,
  type WalRecord,
} from '@entdb/contracts';
import { resultsTopic, walTopic, type LogRecord, type Wal } from '@entdb/wal';

/**
 * As much of an applier as the gateway can see: it reads the write-ahead log and publishes verdicts for those who ask. The first record
 * of a key has the verdict, and repeats have the same text; another request under that key is refused.
 */
export interface TestApplier {
  /** Everything that it has read, in order. */
  readonly seen: { readonly record: WalRecord; readonly at: LogRecord }[];
  /** Publishes what it has held back, and from then on as it reads. */
  resume(): void;
  close(): Promise<void>;
}

export interface TestApplierOptions {
  readonly wal: Wal;
  readonly partitions: number;
  /** What comes of a first record; applied unless given. */
  readonly judge?: (record: WalRecord) => Verdict['outcome'] | ResultRecord['verdict'];
  /** Read, but say nothing before `resume`. */
  readonly silent?: boolean;
}

export async function startTestApplier(options: TestApplierOptions): Promise<TestApplier> {
  const { wal, partitions } = options;
  const stop = new AbortController();
  const started = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  if (options.silent !== true) resumed.resolve();
  stop.signal.addEventListener('abort', () => resumed.resolve());
  const seen: TestApplier['seen'] = [];
  const stored = new Map<
    string,
    { readonly hash: string; readonly verdict: ResultRecord['verdict'] }
  >();

  const verdictOf = (record: WalRecord, at: LogRecord): ResultRecord['verdict'] => {
    const name = `${record.tenantId}/${record.idempotencyKey}`;
    const hash = Buffer.from(record.requestHash).toString('hex');
    const known = stored.get(name);
    if (known) return known.hash === hash ? known.verdict : refusal('IDEMPOTENCY_KEY_REUSED');
    const judged = options.judge?.(record) ?? appliedOutcome(record);
    if (judged.case !== 'applied' && judged.case !== 'rejected') return judged;
    const { topic, partition, offset } = at;
    const position = { topic, partition, offset, epoch: 1 };
    const text = verdictToJson({ position, appliedAtUs: at.timeMs * 1_000, outcome: judged });
    const verdict = { case: 'resultJson', value: text } as const;
    stored.set(name, { hash, verdict });
    return verdict;
  };

  const publish = async (record: WalRecord, at: LogRecord) => {
    const verdict = verdictOf(record, at);
    if (!record.results) return;
    await resumed.promise;
    if (stop.signal.aborted) return;
    const { topic, partition, offset } = at;
    const value = encodeResultRecord({
      $typeName: 'entdb.v1.ResultRecord',
      tenantId: record.tenantId,
      idempotencyKey: record.idempotencyKey,
      askedAt: positionToWire({ topic, partition, offset, epoch: 1 }),
      verdict,
    });
    const lane = await wal.openLane(resultsTopic, record.results.partition);
    await lane.append([{ key: record.tenantId, value }]);
    await lane.close();
  };

  /** Reading does not wait for publishing. */
  let published = Promise.resolve();
  const consumed = wal.consume({
    topic: walTopic,
    from: new Map(Array.from({ length: partitions }, (_, partition) => [partition, 0])),
    signal: stop.signal,
    onStarted: started.resolve,
    onBatch: async ({ records }) => {
      const all = records.map((at) => ({ at, record: decodeWalRecord(at.key, at.value) }));
      seen.push(...all);
      for (const { record, at } of all) published = published.then(() => publish(record, at));
    },
  });
  await Promise.race([started.promise, consumed]);
  return {
    seen,
    resume: resumed.resolve,
    close: async () => {
      stop.abort();
      await consumed;
      await published;
    },
  };
}

function appliedOutcome({ body }: WalRecord): Verdict['outcome'] {
  const operations = body.case === 'transaction' ? body.value.operations : [];
  return {
    case: 'applied',
    operations: operations.map(({ op }) => ({
      ...(op.case === 'createNode' && { id: op.value.id }),
      changed: true,
    })),
  };
}

export function refusal(code: string): ResultRecord['verdict'] {
  return {
    case: 'error',
    value: {
      $typeName: 'entdb.v1.ErrorDetail',
      code,
      message: `refused: ${code}`,
      field: '',
      hint: '',
      tenantId: '',
      retryAfterMs: 0,
      metadata: {},
    },
  };
}
