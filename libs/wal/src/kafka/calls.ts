import { backoffMs } from '@entdb/base';
import { openClient, type KafkaClient } from './client.ts';
import { isPassing, logFault } from './faults.ts';
import type { KafkaConfig } from './settings.ts';
import { within } from './within.ts';

/** One call on connections of its own, which end with it. Bounded in time; the signal gives it up. */
export async function withClient<T>(
  config: KafkaConfig,
  attempt: string,
  work: (client: KafkaClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const client = openClient(config);
  signal?.addEventListener('abort', client.cut);
  try {
    return await within(config.clock, config.timing.callDeadlineMs, attempt, work(client));
  } catch (error) {
    throw logFault(attempt, error);
  } finally {
    signal?.removeEventListener('abort', client.cut);
    client.cut();
  }
}

/**
 * Asks anew, by fresh metadata, while leaders move or have not taken office yet: kafkajs gives up at the first such answer,
 * and never looks up the leaders again.
 */
export async function persistently<T>(
  { clock, rng, timing }: KafkaConfig,
  signal: AbortSignal | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  const deadline = clock.monotonic() + timing.callDeadlineMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || clock.monotonic() > deadline) throw error;
    }
    const pause = { initialMs: timing.retryInitialMs, maxMs: timing.retryMaxMs, rng };
    await clock.sleep(backoffMs(attempt, pause), signal);
  }
}
