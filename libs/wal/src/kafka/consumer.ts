import { backoffMs } from '@entdb/base';
import type { ConsumeOptions } from '../wal.ts';
import type { KafkaAdmin } from './admin.ts';
import { endOf, type SessionEnd } from './faults.ts';
import { entryOf, positionFault } from './positions.ts';
import { readSession, type Progress } from './session.ts';
import type { KafkaConfig } from './settings.ts';

const pauseInitialMs = 100;
const pauseMaxMs = 5_000;

/**
 * Reads from positions of our own, for ever: a session of one kafkajs consumer after another, each begun where the last
 * delivered batch ended. What kafkajs believes about offsets, and what it resets them to, has no say: `progress.next` alone
 * decides what is delivered, and the bounds of the log are compared with it before each session and during it.
 */
export async function consumeKafka(
  config: KafkaConfig,
  admin: KafkaAdmin,
  options: ConsumeOptions,
): Promise<void> {
  const { topic, from, signal } = options;
  const { clock, rng } = config;
  if (from.size === 0) return aborted(signal);
  const logger = config.logger.child({ topic, partitions: [...from.keys()] });
  const progress: Progress = { next: new Map(from), batches: 0 };
  const onStarted = once(options.onStarted);

  /** What is wrong with the positions ends the consumption; that the log cannot be asked now does not. */
  const checkPositions = async () => {
    const bounds = await admin.bounds(topic, signal);
    for (const [partition, next] of progress.next) {
      const fault = positionFault(topic, partition, next, entryOf(bounds, topic, partition));
      if (fault) throw fault;
    }
  };

  const session = async (): Promise<SessionEnd> => {
    try {
      await checkPositions();
    } catch (error) {
      return endOf(error);
    }
    if (signal.aborted) return { kind: 'stopped' };
    const groupId = `${config.groupPrefix}${Buffer.from(rng.bytes(12)).toString('hex')}`;
    return readSession({
      config,
      admin,
      groupId,
      options: { ...options, onStarted },
      progress,
      logger,
    });
  };

  let failures = 0;
  while (!signal.aborted) {
    const batchesBefore = progress.batches;
    const end = await session();
    if (end.kind === 'failed') throw end.error;
    if (end.kind === 'stopped' || signal.aborted) return;
    failures = progress.batches > batchesBefore ? 0 : failures + 1;
    logger.warn(
      { err: end.cause, failures, next: Object.fromEntries(progress.next) },
      'reading broke off; going on from our positions',
    );
    const pauseMs = backoffMs(failures, { initialMs: pauseInitialMs, maxMs: pauseMaxMs, rng });
    await clock.sleep(pauseMs, signal).catch(() => {}); // cut short by the signal, which the loop looks at
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function once(callback: (() => void) | undefined): () => void {
  let called = false;
  return () => {
    if (called) return;
    called = true;
    callback?.();
  };
}
