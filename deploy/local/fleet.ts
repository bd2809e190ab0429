import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startService, type Service } from './service.ts';

export type { Service } from './service.ts';

/** A fleet of real processes on this machine: what `make run` starts, and what black-box tests kill. */
export interface Fleet {
  readonly gateways: readonly Service[];
  readonly appliers: readonly Service[];
  readonly archivers: readonly Service[];
  readonly snapshotters: readonly Service[];
  readonly services: readonly Service[];
  readonly dataDir: string;
  /** Base URL of the first gateway. */
  readonly endpoint: string;
  storeDir(applier: Service): string;
  /** Resolves when every service is ready. */
  ready(timeoutMs?: number): Promise<void>;
  /** Stops all of them in order: gateways first, so that nothing new comes in. */
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly dataDir: string;
  /** The embedded log in the data folder, or brokers of Kafka. */
  readonly kafkaBrokers?: readonly string[];
  readonly gateways?: number;
  readonly appliers?: number;
  /** None unless told. They share the partitions. */
  readonly archivers?: number;
  /** None unless told. */
  readonly snapshotter?: boolean;
  readonly host?: string;
  /** Ports of the first of each kind; others and absent ones are chosen by the system. */
  readonly ports?: {
    readonly gatewayRpc: number;
    readonly gatewayHttp: number;
    readonly applierRpc: number;
    readonly applierHttp: number;
    readonly archiverHttp?: number;
    readonly snapshotterHttp?: number;
  };
  readonly env?: Readonly<Record<string, string>>;
  /** Settings of one service, by its name ("gateway-0", "applier-1"), over those of all. */
  readonly envOf?: (name: string) => Readonly<Record<string, string>>;
  readonly onEvent?: (event: string) => void;
}

type Kind = 'gateway' | 'applier' | 'archiver' | 'snapshotter';

const root = new URL('../../', import.meta.url).pathname;

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const {
    dataDir,
    kafkaBrokers,
    gateways = 1,
    appliers = 1,
    archivers = 0,
    snapshotter = false,
    host = '127.0.0.1',
    ports,
    onEvent,
  } = options;
  const log: Record<string, string> = kafkaBrokers
    ? { ENTDB_LOG: 'kafka', ENTDB_KAFKA_BROKERS: kafkaBrokers.join(',') }
    : { ENTDB_LOG: 'embedded' };
  const common = { ...log, ENTDB_DATA_DIR: dataDir, ...options.env };
  const storeDir = (name: string) => join(dataDir, 'store', name);
  const envOf = (kind: Kind, index: number, name: string): Readonly<Record<string, string>> => {
    if (kind === 'applier') return { ENTDB_STORE_DIR: storeDir(name) };
    if (kind !== 'archiver') return {};
    return { ENTDB_ARCHIVER_INDEX: String(index), ENTDB_ARCHIVERS: String(archivers) };
  };
  const start = async (kind: Kind, index: number): Promise<Service> => {
    const name = `${kind}-${index}`;
    const given: Partial<Record<`${Kind}${'Rpc' | 'Http'}`, number>> | undefined =
      index === 0 ? ports : undefined;
    return startService({
      name,
      main: join(root, 'services', kind, 'src/main.ts'),
      host,
      rpcPort: given?.[`${kind}Rpc`] ?? (await freePort(host)),
      httpPort: given?.[`${kind}Http`] ?? (await freePort(host)),
      env: {
        ...common,
        ...envOf(kind, index, name),
        ...options.envOf?.(name),
      },
      logDir: join(dataDir, 'logs'),
      ...(onEvent && { onEvent }),
    });
  };
  const startAll = async (kind: Kind, count: number): Promise<readonly Service[]> => {
    const started: Service[] = [];
    for (let index = 0; index < count; index += 1) started.push(await start(kind, index));
    return started;
  };
  const running = {
    appliers: await startAll('applier', appliers),
    gateways: await startAll('gateway', gateways),
    archivers: await startAll('archiver', archivers),
    snapshotters: await startAll('snapshotter', snapshotter ? 1 : 0),
  };
  const { gateways: first, ...rest } = running;
  const others = Object.values(rest).flat();
  const services = [...first, ...others];
  return {
    ...running,
    services,
    dataDir,
    endpoint: running.gateways[0]?.address ?? '',
    storeDir: (applier) => storeDir(applier.name),
    ready: async (timeoutMs) => {
      await Promise.all(services.map((service) => service.ready(timeoutMs)));
    },
    stop: async () => {
      await Promise.all(first.map((service) => service.stop()));
      await Promise.all(others.map((service) => service.stop()));
    },
  };
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, () => {
      const { port } = server.address() as AddressInfo; // a TCP server has a port
      server.close(() => resolve(port));
    });
  });
}
