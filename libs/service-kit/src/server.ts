/**
 * The RPC server: routes on one TCP port that speaks gRPC, gRPC-Web and Connect over HTTP/1.1 and HTTP/2, with health and
 * reflection, limits on everything, and an orderly end.
 */
import type { AddressInfo } from 'node:net';
import type { Registry } from '@bufbuild/protobuf';
import { realClock, type Clock, type Logger } from '@entdb/base';
import type { Metrics } from '@entdb/telemetry';
import { createConnectListener } from './connect/adapter.ts';
import { createDispatcher } from './dispatch.ts';
import { indexDescriptors } from './grpc/descriptors.ts';
import { registerHealth } from './grpc/health-service.ts';
import { registerReflection } from './grpc/reflection-service.ts';
import type { Health } from './health.ts';
import { createRpcListener } from './http/rpc-listener.ts';
import { defaultRpcLimits, type RpcLimits } from './limits.ts';
import { collectRoutes, mergeRoutes, type Router } from './router.ts';

export interface ServerOptions {
  readonly routes: (router: Router) => void;
  readonly health: Health;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  readonly limits?: Partial<RpcLimits>;
  /** Whether to accept and give gzip. Off by default: inside a cluster it halves the calls a process can answer. */
  readonly gzip?: boolean;
  /** Whether errors carry entdb.v1.ErrorDetail. Only a server whose callers know no such message turns it off. */
  readonly errorDetails?: boolean;
  /** Messages that may stand inside google.protobuf.Any, where they travel as JSON. */
  readonly anyTypes?: Registry;
}

export interface CloseOptions {
  /** How long calls in flight may take to finish before their signals are aborted with SHUTTING_DOWN. */
  readonly graceMs: number;
  /** How long they may take after that before their connections are cut. */
  readonly lastMs?: number;
}

export interface RpcServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  /**
   * Sends GOAWAY, takes no new connection, and resolves when the last call has ended. Calling it again joins the first.
   */
  close(options: CloseOptions): Promise<void>;
  /** Calls whose handlers are at work. */
  inFlight(): number;
}

export function createServer(options: ServerOptions): RpcServer {
  const {
    health,
    logger,
    metrics,
    clock = realClock,
    gzip = false,
    errorDetails = true,
    anyTypes,
  } = options;
  const limits: RpcLimits = { ...defaultRpcLimits, ...options.limits };
  const shutdown = new AbortController();

  const own = collectRoutes(options.routes);
  const names = own.services.map((service) => service.typeName);
  const helpers = collectRoutes(
    (router) => {
      registerHealth(router, health, () => names);
      registerReflection(router, () => index);
    },
    { limited: false },
  );
  const table = mergeRoutes(own, helpers);
  const index = indexDescriptors(table.services);

  const dispatcher = createDispatcher({
    limits,
    logger,
    metrics,
    clock,
    shutdown: shutdown.signal,
  });
  const listener = createConnectListener({
    routes: table.routes,
    dispatcher,
    limits,
    logger,
    gzip,
    errorDetails,
    anyTypes,
  });
  const tcp = createRpcListener({ listener, limits, logger });

  const closeInOrder = async ({ graceMs, lastMs = 2000 }: CloseOptions): Promise<void> => {
    const ended = new AbortController();
    const patience = (async () => {
      await clock.sleep(graceMs, ended.signal);
      logger.warn({ inFlight: dispatcher.inFlight() }, 'calls in flight are told to stop');
      shutdown.abort();
      await clock.sleep(lastMs, ended.signal);
      logger.warn({ inFlight: dispatcher.inFlight() }, 'connections are cut');
      tcp.destroy();
    })().catch((thrown: unknown) => {
      if (!ended.signal.aborted) throw thrown;
    });
    await tcp.close();
    ended.abort();
    await patience;
  };

  let closing: Promise<void> | undefined;
  return {
    listen: (host, port) => tcp.listen(host, port),
    close: (how) => (closing ??= closeInOrder(how)),
    inFlight: () => dispatcher.inFlight(),
  };
}
