/**
 * The life of a service process: settings, servers, readiness, signals, and an end in order. `main.ts` of a service is a call
 * of this with a `start` that builds its parts.
 *
 * Order at the end: readiness says no; a short wait, so that load balancers notice; GOAWAY, and calls in flight finish; after
 * the grace their signals are aborted; then what was started is closed, last first; then the side server; then exit 0.
 * Stopping the parts first and draining afterwards once cut every call in flight: the order is the point.
 */
import { hostname } from 'node:os';
import {
  assertNodeVersion,
  isEntError,
  realClock,
  toError,
  type Clock,
  type Logger,
} from '@entdb/base';
import {
  parseSettings,
  unknownSettings,
  type AnySettings,
  type Env,
  type ServerSettings,
  type SettingsOf,
  type SettingsSpec,
} from '@entdb/config';
import { createLogger, createMetrics, type Metrics } from '@entdb/telemetry';
import { createHealth, type Health } from './health.ts';
import { assertPortsFree, portError, type PortClaim } from './http/ports.ts';
import { createSideServer } from './http/side-server.ts';
import type { Router } from './router.ts';
import { createServer, type RpcServer } from './server.ts';

export interface ServiceContext<Settings> {
  readonly settings: Settings;
  readonly instance: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  /** Aborted when the process begins to stop. For start-up work and loops; calls have signals of their own. */
  readonly stopping: AbortSignal;
  /** Registers what must be closed at the end; closed in reverse order, after the last call has been answered. */
  onStop(name: string, close: () => Promise<void> | void): void;
}

export interface Started {
  readonly routes: (router: Router) => void;
  /** More for the body of GET /health. */
  readonly facts?: () => Readonly<Record<string, unknown>>;
  /** Resolves when calls may come; the service is ready at once when there is none. */
  readonly ready?: Promise<void>;
}

export interface ServiceOptions<S extends AnySettings> {
  readonly name: string;
  /** Those of the service, the shared server settings among them. */
  readonly settings: SettingsSpec<S>;
  readonly env: Env;
  readonly start: (context: ServiceContext<SettingsOf<SettingsSpec<S>>>) => Promise<Started>;
}

/** Exit codes: 78 for a configuration that cannot work (EX_CONFIG), 1 for everything else that went wrong. */
const exitConfig = 78;
const configCodes = ['INVALID_SETTING', 'PORT_IN_USE'] as const;

/** Runs until the process exits. Never rejects. */
export async function runService<S extends AnySettings>(options: ServiceOptions<S>): Promise<void> {
  assertNodeVersion();
  const { name, env } = options;
  let settings: SettingsOf<SettingsSpec<S>>;
  try {
    settings = parseSettings(options.settings, env);
  } catch (error) {
    // There is no logger yet, and the reader is a person who has just started something.
    process.stderr.write(`${name}: ${toError(error).message}\n`);
    return process.exit(exitConfig);
  }
  // By the contract of `settings`: the shared server settings are among them.
  await runWith(options, settings, settings as unknown as ServerSettings);
}

async function runWith<S extends AnySettings>(
  options: ServiceOptions<S>,
  settings: SettingsOf<SettingsSpec<S>>,
  server: ServerSettings,
): Promise<void> {
  const { name, env } = options;
  const clock = realClock;
  const instance = server.instance ?? `${hostname()}-${process.pid}`;
  const logger = createLogger({
    service: name,
    instance,
    level: server.logLevel,
    pretty: server.logFormat === 'pretty',
  });
  const metrics = createMetrics({ service: name });
  const health = createHealth();
  const stopping = new AbortController();
  const closers: { readonly name: string; readonly close: () => Promise<void> | void }[] = [];

  const die = (message: string) => (thrown: unknown) => {
    logger.error({ err: toError(thrown) }, message);
    process.exit(1);
  };
  process.on('uncaughtException', die('an error that nobody handles: the process stops'));
  process.on('unhandledRejection', die('a rejection that nobody handles: the process stops'));

  const unknown = unknownSettings([options.settings], env);
  if (unknown.length > 0) logger.warn({ variables: unknown }, 'variables that no setting reads');

  const rpcClaim: PortClaim = {
    variable: 'ENTDB_RPC_PORT',
    host: server.host,
    port: server.rpcPort,
  };
  const httpClaim: PortClaim = {
    variable: 'ENTDB_HTTP_PORT',
    host: server.host,
    port: server.httpPort,
  };

  let stop = async (reason: string): Promise<void> => {
    // Stopped before everything had started: what has is closed all the same.
    logger.info({ reason }, 'stopping before the start was complete');
    await closeAll(closers, logger);
    process.exit(0);
  };
  listenForTheEnd(server.exitWithParent, (reason) => {
    if (stopping.signal.aborted) {
      logger.warn({ reason }, 'told to stop twice: exiting at once');
      process.exit(1);
    }
    stopping.abort();
    void stop(reason).catch(die('the end failed'));
  });

  try {
    await assertPortsFree([rpcClaim, httpClaim]);
    // Before the parts: a start may take long, and whoever asks /livez meanwhile must be answered.
    const parts: { started?: Started } = {};
    const facts = () => parts.started?.facts?.() ?? {};
    const side = createSideServer({ health, metrics, logger, facts });
    const sideAddress = await side
      .listen(httpClaim.host, httpClaim.port)
      .catch(rethrowAs(httpClaim));
    logger.info({ http: `${sideAddress.address}:${sideAddress.port}` }, 'starting');
    const started = await options.start({
      settings,
      instance,
      logger,
      metrics,
      health,
      clock,
      stopping: stopping.signal,
      onStop: (part, close) => void closers.push({ name: part, close }),
    });
    const rpc = createServer({
      routes: started.routes,
      health,
      logger,
      metrics,
      clock,
      limits: limitsOf(server),
    });
    parts.started = started;
    const rpcAddress = await rpc.listen(rpcClaim.host, rpcClaim.port).catch(rethrowAs(rpcClaim));
    logger.info(
      {
        rpc: `${rpcAddress.address}:${rpcAddress.port}`,
        http: `${sideAddress.address}:${sideAddress.port}`,
      },
      'listening',
    );

    stop = (reason) =>
      drain({ reason, rpc, server, health, logger, clock, closers, closeSide: () => side.close() });
    await started.ready;
    if (stopping.signal.aborted) return;
    health.setReadiness('ready');
    logger.info({}, 'ready');
  } catch (error) {
    if (stopping.signal.aborted) return;
    const isConfig = configCodes.some((code) => isEntError(error, code));
    logger.error({ err: error }, 'the service could not start');
    await closeAll(closers, logger);
    process.exit(isConfig ? exitConfig : 1);
  }
}

interface Drain {
  readonly reason: string;
  readonly rpc: RpcServer;
  readonly server: ServerSettings;
  readonly health: Health;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly closers: readonly {
    readonly name: string;
    readonly close: () => Promise<void> | void;
  }[];
  readonly closeSide: () => Promise<void>;
}

async function drain({
  reason,
  rpc,
  server,
  health,
  logger,
  clock,
  closers,
  closeSide,
}: Drain): Promise<void> {
  logger.info({ reason, inFlight: rpc.inFlight() }, 'draining');
  health.setReadiness('draining');
  await clock.sleep(server.drainWaitMs);
  await rpc.close({ graceMs: server.drainGraceMs });
  const clean = await closeAll(closers, logger);
  await closeSide();
  logger.info({ clean }, 'stopped');
  process.exit(clean ? 0 : 1);
}

/** Closes the last first; a part that fails does not keep the others open. */
async function closeAll(closers: Drain['closers'], logger: Logger): Promise<boolean> {
  let clean = true;
  for (const { name, close } of closers.toReversed()) {
    try {
      await close();
    } catch (error) {
      clean = false;
      logger.error({ err: toError(error), part: name }, 'a part could not be closed');
    }
  }
  return clean;
}

function listenForTheEnd(withParent: boolean, end: (reason: string) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal));
  if (!withParent) return;
  process.stdin
    .on('end', () => end('the parent is gone'))
    .on('error', () => end('the parent is gone'));
  process.stdin.resume();
}

function limitsOf(server: ServerSettings) {
  return {
    readBytesMax: server.rpcReadMax,
    writeBytesMax: server.rpcWriteMax,
    inFlightMax: server.rpcInFlightMax,
    deadlineDefaultMs: server.rpcDeadlineDefaultMs,
    deadlineMaxMs: server.rpcDeadlineMaxMs,
    streamDeadlineMaxMs: server.rpcStreamDeadlineMaxMs,
  };
}

const rethrowAs = (claim: PortClaim) => async (thrown: unknown) => {
  throw await portError(claim, thrown);
};
