import { realClock, realRng, silentLogger } from '@entdb/base';
import type { AdminService, CommandService } from '@entdb/contracts';
import type { Call, Implementation } from '@entdb/service-kit';
import { createMetrics, type Metrics } from '@entdb/telemetry';
import { createMemoryWal, topicSpecs, type MemoryWal, type MemoryWalOptions } from '@entdb/wal';
import { createGateway, type Gateway, type GatewayOptions } from '../gateway.ts';
import { startTestApplier, type TestApplier, type TestApplierOptions } from './applier.ts';
import { callerOf, testLimits } from './requests.ts';

type Handlers = Implementation<typeof CommandService> & Implementation<typeof AdminService>;

/** What the gateway would give a server. */
export function handlersOf(gateway: Gateway): Required<Handlers> {
  const all: object = {};
  gateway.routes({ service: (_service, handlers) => void Object.assign(all, handlers) });
  return all as Required<Handlers>; // the gateway offers every method of both services
}

/** A call as handlers see it. */
export function callOf(parts: Parameters<typeof callerOf>[0] = {}): Call {
  const caller = callerOf(parts);
  return {
    ...caller,
    method: 'test',
    protocol: 'grpc',
    remainingMs: () => caller.deadline - performance.now(),
    header: () => undefined,
    headers: () => [],
    appendHeader: () => {},
    appendTrailer: () => {},
  };
}

export const testPartitions = 4;

/** A log in memory, an applier, and as many gateways as a test wants. `close` leaves nothing behind. */
export interface TestFleet {
  readonly wal: MemoryWal;
  readonly applier: TestApplier;
  gateway(
    options?: Partial<GatewayOptions>,
    wal?: MemoryWalOptions,
  ): Promise<Gateway & { readonly metrics: Metrics }>;
  close(): Promise<void>;
}

export async function startTestFleet(
  applierOptions: Partial<TestApplierOptions> = {},
): Promise<TestFleet> {
  const wal = createMemoryWal();
  await wal.createTopics(
    topicSpecs({
      walPartitions: testPartitions,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      walRetentionMs: 3_600_000,
    }),
  );
  const applier = await startTestApplier({ wal, partitions: testPartitions, ...applierOptions });
  const closers: (() => Promise<void>)[] = [];
  return {
    wal,
    applier,
    gateway: async (options = {}, walOptions = {}) => {
      const own = wal.another(walOptions);
      const metrics = createMetrics({ service: 'gateway', processMetrics: false });
      const gateway = createGateway(
        {
          ...testLimits,
          walPartitions: testPartitions,
          tenantAutoCreate: true,
          lanePendingBytesMax: 64 * 1024 * 1024,
          tenantPendingBytesMax: 1024 * 1024,
          tenantPendingRecordsMax: 1_000,
          verdictsWaitingMax: 1_000,
          verdictWaitMaxMs: 20_000,
          silenceMaxMs: 10_000,
          ...options,
        },
        {
          wal: own,
          instance: `gateway-${closers.length}`,
          metrics,
          clock: realClock,
          rng: realRng,
          logger: silentLogger,
        },
      );
      await gateway.start();
      closers.push(async () => {
        await gateway.close();
        await own.close();
        metrics.close();
      });
      return { ...gateway, metrics };
    },
    close: async () => {
      await Promise.all(closers.map((close) => close()));
      await applier.close();
      await wal.close();
    },
  };
}
