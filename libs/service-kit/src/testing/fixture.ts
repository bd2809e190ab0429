/** A real server on a port of the system's choice, and clients over every protocol that it speaks. For this package's specs. */
import { createClient, type Client, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from '@connectrpc/connect-node';
import type { DescService } from '@bufbuild/protobuf';
import { silentLogger, type Logger } from '@entdb/base';
import { CommandService, QueryService } from '@entdb/contracts';
import { createMetrics, type Metrics } from '@entdb/telemetry';
import type { Implementation } from '../call.ts';
import { createHealth, type Health } from '../health.ts';
import { createServer, type RpcServer, type ServerOptions } from '../server.ts';

export interface Fixture {
  readonly server: RpcServer;
  readonly port: number;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly log: readonly LogLine[];
  readonly transport: (name: TransportName) => Transport;
  client<S extends DescService>(service: S, name?: TransportName): Client<S>;
  stop(): Promise<void>;
}

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

export const transportNames = [
  'grpc h2',
  'grpc-web h2',
  'grpc-web h1',
  'connect h2',
  'connect h1',
] as const;
export type TransportName = (typeof transportNames)[number];

export interface Handlers {
  readonly command?: Implementation<typeof CommandService>;
  readonly query?: Implementation<typeof QueryService>;
}

export async function startFixture(
  handlers: Handlers,
  options: Partial<ServerOptions> = {},
): Promise<Fixture> {
  const log: LogLine[] = [];
  const health = createHealth();
  health.setReadiness('ready');
  const metrics = createMetrics({ service: 'test', processMetrics: false });
  const server = createServer({
    routes: (router) => {
      router.service(CommandService, handlers.command ?? {});
      router.service(QueryService, handlers.query ?? {});
    },
    health,
    metrics,
    logger: recordingLogger(log),
    ...options,
  });
  const { port } = await server.listen('127.0.0.1', 0);
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessions: Http2SessionManager[] = [];
  const overHttp2 = () => {
    const sessionManager = new Http2SessionManager(baseUrl);
    sessions.push(sessionManager);
    return { baseUrl, httpVersion: '2' as const, sessionManager };
  };
  const overHttp1 = { baseUrl, httpVersion: '1.1' as const };
  const transport = (name: TransportName): Transport => {
    switch (name) {
      case 'grpc h2':
        return createGrpcTransport(overHttp2());
      case 'grpc-web h2':
        return createGrpcWebTransport(overHttp2());
      case 'grpc-web h1':
        return createGrpcWebTransport(overHttp1);
      case 'connect h2':
        return createConnectTransport(overHttp2());
      case 'connect h1':
        return createConnectTransport(overHttp1);
    }
  };
  return {
    server,
    port,
    health,
    metrics,
    log,
    transport,
    client: (service, name = 'grpc h2') => createClient(service, transport(name)),
    stop: async () => {
      for (const session of sessions) session.abort();
      await server.close({ graceMs: 0, lastMs: 0 });
      metrics.close();
    },
  };
}

function recordingLogger(log: LogLine[]): Logger {
  const at = (level: string) => (fields: object, message: string) =>
    void log.push({ level, message, fields });
  return {
    ...silentLogger,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => recordingLogger(log),
  };
}

/** A promise and the hands that settle it. */
export function deferred<T = void>() {
  return Promise.withResolvers<T>();
}

/** Resolves when the condition holds; looks again at every turn of the event loop, and gives up loudly. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`${what} did not come to hold`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
