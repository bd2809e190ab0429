import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { assertNodeVersion, isEntError } from '@entdb/base';
import { assertPortsFree } from '@entdb/service-kit';
import { startFleet } from './fleet.ts';

/** `make run`: the whole fleet on this machine, each service its own process, until Ctrl-C. */
assertNodeVersion();

const { values } = parseArgs({
  options: {
    kafka: { type: 'boolean', default: false },
    data: { type: 'string' },
  },
});

/** A view belongs to its log: beside the local brokers' data, so that they are wiped together and never mixed with another log's. */
const dataFolder =
  values.data ??
  process.env['ENTDB_DATA_DIR'] ??
  (values.kafka ? '.entdb/kafka/fleet' : '.entdb/run');

const host = '127.0.0.1';
const port = (variable: string, fallback: number) => ({
  variable,
  host,
  port: Number(process.env[variable] ?? fallback),
});
const claims = {
  gatewayRpc: port('ENTDB_GATEWAY_RPC_PORT', 7400),
  gatewayHttp: port('ENTDB_GATEWAY_HTTP_PORT', 8080),
  applierRpc: port('ENTDB_APPLIER_RPC_PORT', 7401),
  applierHttp: port('ENTDB_APPLIER_HTTP_PORT', 8081),
  archiverHttp: port('ENTDB_ARCHIVER_HTTP_PORT', 8082),
  snapshotterHttp: port('ENTDB_SNAPSHOTTER_HTTP_PORT', 8083),
};
const brokers = (
  process.env['ENTDB_KAFKA_BROKERS'] ?? '127.0.0.1:19091,127.0.0.1:19092,127.0.0.1:19093'
).split(',');

const say = (line = '') => process.stdout.write(`${line}\n`);
const aside = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  await assertPortsFree(Object.values(claims));
  const dataDir = resolve(dataFolder);
  mkdirSync(dataDir, { recursive: true });
  const started = performance.now();
  const fleet = await startFleet({
    dataDir,
    host,
    ports: {
      gatewayRpc: claims.gatewayRpc.port,
      gatewayHttp: claims.gatewayHttp.port,
      applierRpc: claims.applierRpc.port,
      applierHttp: claims.applierHttp.port,
      archiverHttp: claims.archiverHttp.port,
      snapshotterHttp: claims.snapshotterHttp.port,
    },
    archivers: 1,
    snapshotter: true,
    onEvent: aside,
    ...(values.kafka && { kafkaBrokers: brokers }),
  });
  const stopAsked = new Promise<void>((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop());
  });
  const ready = fleet.ready(values.kafka ? 120_000 : 60_000).then(
    () => 'ready' as const,
    (error: unknown) => error,
  );
  const first = await Promise.race([ready, stopAsked.then(() => 'stop' as const)]);
  if (first !== 'ready' && first !== 'stop') {
    aside(first instanceof Error ? first.message : String(first));
    await fleet.stop();
    return 1;
  }
  if (first === 'ready') {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const [gateway, applier] = [fleet.gateways[0]!, fleet.appliers[0]!];
    say(`EntDB is ready after ${seconds} s.`);
    say();
    say(`  write     ${gateway.address}   CommandService, AdminService: gRPC, gRPC-Web, Connect`);
    say(`  read      ${applier.address}   QueryService`);
    const pages = [gateway, applier, ...fleet.archivers, ...fleet.snapshotters].map(
      ({ http }) => http,
    );
    say(`  health    ${pages.map((http) => `${http}/health`).join('   ')}`);
    say(`  metrics   ${pages.map((http) => `${http}/metrics`).join('  ')}`);
    say(
      `  log       ${values.kafka ? `Kafka at ${brokers.join(', ')}` : 'embedded, in the data folder'}`,
    );
    say(
      `  objects   archive and snapshots, in the data folder: objects/{archive,snapshots}/<tenant>/`,
    );
    say(`  data      ${dataDir}   (kept when this stops; delete the folder to begin anew)`);
    say();
    say('Try, in another terminal:');
    say();
    say(`  make first`);
    say();
    say('Ctrl-C stops the fleet.');
    await stopAsked;
  }
  say('Stopping: finishing what is in flight.');
  await fleet.stop();
  say('Stopped.');
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (!isEntError(error)) throw error;
    aside(`${error.code}: ${error.message}`);
    if (error.facts.hint) aside(`Try: ${error.facts.hint}`);
    process.exitCode = 1;
  },
);
