import { partitionOf, type Clock, type Logger, type Rng } from '@entdb/base';
import { AdminService, CommandService } from '@entdb/contracts';
import type { Router } from '@entdb/service-kit';
import type { Metrics } from '@entdb/telemetry';
import type { Wal } from '@entdb/wal';
import type { GatewaySettings } from './config.ts';
import { createCreateTenant } from './handlers/create-tenant.ts';
import { createDeleteTenant } from './handlers/delete-tenant.ts';
import { createExecuteAtomic, type Execute } from './handlers/execute-atomic.ts';
import { createExecuteBatch } from './handlers/execute-batch.ts';
import { createExecuteStream } from './handlers/execute-stream.ts';
import { createGetTopology } from './handlers/get-topology.ts';
import { createLanes } from './lanes.ts';
import type { Limits } from './limits.ts';
import { createGatewayMetrics } from './metrics.ts';
import { createResults } from './results.ts';
import { createSchemaCache } from './schema-cache.ts';
import { createSubmit } from './submit.ts';
import { createTenantCommand } from './tenant-command.ts';
import { createTopology, type Topology } from './topology.ts';

/** What the gateway must know, as settings name it. */
export type GatewayOptions = Limits &
  Pick<
    GatewaySettings,
    | 'walPartitions'
    | 'tenantAutoCreate'
    | 'lanePendingBytesMax'
    | 'tenantPendingBytesMax'
    | 'tenantPendingRecordsMax'
    | 'verdictsWaitingMax'
    | 'verdictWaitMaxMs'
    | 'silenceMaxMs'
  >;

export interface GatewayPorts {
  readonly wal: Wal;
  readonly instance: string;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

/** The gateway without servers: its parts, put together once for the process and for tests alike. */
export interface Gateway {
  readonly execute: Execute;
  readonly topology: Topology;
  readonly routes: (router: Router) => void;
  /** Resolves when verdicts and the fleet are heard: before that no call may be answered. */
  start(): Promise<void>;
  /** Rejects when a part that must run for ever has failed: the process must not go on. */
  readonly failed: Promise<never>;
  /** Tells streams to come to their end: what is in flight gets its outcome. */
  drain(): void;
  /** To be called when no call is at work any more. */
  close(): Promise<void>;
}

export function createGateway(options: GatewayOptions, ports: GatewayPorts): Gateway {
  const { instance, clock } = ports;
  const partitions = options.walPartitions;
  const draining = new AbortController();
  const failure = Promise.withResolvers<never>();
  const metrics = createGatewayMetrics(ports.metrics);
  const lanes = createLanes({
    ...ports,
    partitions,
    metrics,
    limits: {
      recordBytesMax: options.recordBytesMax,
      pendingBytesMax: options.lanePendingBytesMax,
      tenantBytesMax: options.tenantPendingBytesMax,
      tenantRecordsMax: options.tenantPendingRecordsMax,
    },
  });
  const results = createResults({
    ...ports,
    partition: partitionOf(instance, partitions),
    waitingMax: options.verdictsWaitingMax,
    verdictWaitMsMax: options.verdictWaitMaxMs,
  });
  const topology = createTopology({ ...ports, silenceMsMax: options.silenceMaxMs });
  const schemas = createSchemaCache();
  const { recordBytesMax } = options;
  const submit = createSubmit({ lanes, results, schemas, metrics, clock, recordBytesMax });
  const autoCreate = options.tenantAutoCreate;
  const execute = createExecuteAtomic({ submit, schemas, metrics, limits: options, autoCreate });
  const tenantCommand = createTenantCommand(submit, metrics);

  ports.metrics.gauge({
    name: 'gateway_in_flight_bytes',
    unit: 'bytes',
    sentence: 'Bytes of records that wait for the log or are on their way to it.',
    read: () => lanes.inFlightBytes(),
  });
  ports.metrics.gauge({
    name: 'gateway_verdicts_waiting',
    unit: 'count',
    sentence: 'Transactions that wait for their verdict.',
    read: () => results.waiting(),
  });

  return {
    execute,
    topology,
    routes: (router) => {
      router.service(CommandService, {
        executeAtomic: execute,
        executeBatch: createExecuteBatch(execute, options),
        executeStream: createExecuteStream(execute, options, draining.signal),
      });
      router.service(AdminService, {
        createTenant: createCreateTenant(tenantCommand),
        deleteTenant: createDeleteTenant(tenantCommand),
        getTopology: createGetTopology(topology, partitions),
      });
    },
    start: async () => {
      const followings = [results.follow(), topology.follow()];
      for (const { ended } of followings) ended.catch(failure.reject);
      await Promise.all(followings.map(({ started }) => started));
    },
    failed: failure.promise,
    drain: () => draining.abort(),
    close: async () => {
      draining.abort();
      await lanes.close();
      results.close();
      topology.close();
    },
  };
}
