import { realRng } from '@entdb/base';
import { openLog } from '@entdb/fleet';
import { runService } from '@entdb/service-kit';
import { gatewaySettings } from './config.ts';
import { createGateway } from './gateway.ts';
import { applierLagMs, lastSnapshot, watchHealth } from './health.ts';

await runService({
  name: 'gateway',
  settings: gatewaySettings,
  env: process.env,
  start: async (context) => {
    const { settings, instance, logger, metrics, health, clock, stopping } = context;
    const ports = { logger, clock, rng: realRng };
    const { wal } = await openLog(settings, ports, stopping);
    context.onStop('log', () => wal.close());

    const gateway = createGateway(settings, { ...ports, wal, instance, metrics });
    context.onStop('gateway', () => gateway.close());
    gateway.failed.catch((fault: unknown) => {
      throw fault; // as a rejection that nobody handles: the process stops, and the orchestrator starts another
    });
    await gateway.start();
    // Streams end when the server takes no more calls; before that, new ones may still come here.
    stopping.addEventListener(
      'abort',
      () => void clock.sleep(settings.drainWaitMs).then(() => gateway.drain()),
    );

    const fleet = () => ({
      partitions: settings.walPartitions,
      shards: gateway.topology.fleet.shards(),
      appliers: gateway.topology.fleet.appliers(),
      archivers: gateway.topology.fleet.archivers(),
      snapshotters: gateway.topology.fleet.snapshotters(),
      silent: gateway.topology.fleet.silent(),
      walRetentionMs: settings.walRetentionHours * 3_600_000,
      nowMs: clock.now(),
    });
    const watching = watchHealth({ wal, health, fleet, clock, signal: stopping });
    context.onStop('health', () => watching);
    return {
      routes: gateway.routes,
      facts: () => {
        const view = fleet();
        return { applier_lag_ms: applierLagMs(view), last_snapshot: lastSnapshot(view) };
      },
    };
  },
});
