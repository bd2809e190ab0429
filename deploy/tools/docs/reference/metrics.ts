import { realClock, realRng, silentLogger } from '@entdb/base';
import { parseSettings } from '@entdb/config';
import { createHealth, createServer } from '@entdb/service-kit';
import { createMetrics, type MetricRow, type Metrics } from '@entdb/telemetry';
import { createMemoryWal, walTopic } from '@entdb/wal';
import { createMeters } from '../../../../services/applier/src/meters.ts';
import { createProgress } from '../../../../services/applier/src/progress.ts';
import { createTenants } from '../../../../services/applier/src/tenants.ts';
import { createMeters as createArchiveMeters } from '../../../../services/archiver/src/meters.ts';
import { gatewaySettings } from '../../../../services/gateway/src/config.ts';
import { createGateway } from '../../../../services/gateway/src/gateway.ts';
import { createMeters as createSnapshotMeters } from '../../../../services/snapshotter/src/meters.ts';
import { code, table } from './table.ts';

const ports = { logger: silentLogger, clock: realClock, rng: realRng };

/** What a part declares when it is put together. Nothing is started and nothing is listened on. */
function declaredBy(service: string, build: (metrics: Metrics) => void): readonly MetricRow[] {
  const metrics = createMetrics({ service, processMetrics: false });
  build(metrics);
  return metrics.describe();
}

const gateway = () =>
  declaredBy('gateway', (metrics) => {
    const wal = createMemoryWal({ clock: realClock });
    createGateway(parseSettings(gatewaySettings, {}), { ...ports, wal, instance: 'page', metrics });
  });

const applier = () =>
  declaredBy('applier', (metrics) => {
    const progress = createProgress(walTopic, new Map(), realClock);
    createMeters(metrics, {
      owned: [],
      progress,
      tenants: createTenants([]),
      healing: () => 0,
    });
  });

const archiver = () =>
  declaredBy('archiver', (metrics) => {
    const measured = () => ({ partitions: [], held: 0 });
    const retention = () => ({ ms: 1, bytes: 1 });
    createArchiveMeters(metrics, { measured, retention, clock: realClock });
  });

const snapshotter = () =>
  declaredBy('snapshotter', (metrics) => {
    const rules = { intervalMs: 1, recordsMax: 1 };
    createSnapshotMeters(metrics, { tenants: () => [], rules, clock: realClock });
  });

const kit = () =>
  declaredBy('any', (metrics) => {
    createServer({ routes: () => {}, health: createHealth(), logger: silentLogger, metrics });
  });

const row = ({ name, kind, unit, sentence, labels }: MetricRow) => [
  code(name),
  kind,
  unit,
  labels.map(code).join(', '),
  sentence,
];

export function metricsPage(): string {
  const section = (title: string, rows: readonly MetricRow[]) =>
    `## ${title}\n\n${table(['metric', 'kind', 'unit', 'labels', 'what'], rows.map(row))}`;
  return [
    `# Metrics

Every service gives these at \`GET /metrics\` of its HTTP port, for Prometheus. All have the label \`service\`; none has a tenant as a label.
A histogram has the series \`_bucket\`, \`_sum\` and \`_count\`.

| watch | by | alert |
| --- | --- | --- |
| \`wal_append_latency_p99\` | \`histogram_quantile(0.99, sum by (le) (rate(wal_append_latency_bucket[5m])))\` | > 0.1 s |
| \`applier_lag_seconds\` | as it stands | > 60 s |
| tenants that stand still | \`applier_tenants_standing_still\` | > 0 |
| \`archive_lag_events\` | as it stands | > 10000 |
| the archive against the log's retention | \`archive_unarchived_age_ratio\` | > 0.5 |
| tenants and partitions that are not archived | \`archive_stopped_tenants\`, \`archive_stopped_partitions\` | > 0 |
| \`snapshot_age_hours\` | as it stands | > 24 |
| tenants without a new snapshot | \`snapshot_stopped_tenants\` | > 0 |
| digests that disagree: a file or an object is wrong | \`snapshot_quarantined_tenants\` | > 0 |
`,
    section('Gateway', gateway()),
    section('Applier', applier()),
    section('Archiver', archiver()),
    section('Snapshotter', snapshotter()),
    section('Every service', kit()),
    `## The process

Beside these every service gives what prom-client knows of its process: names that begin with \`process_\` and \`nodejs_\`, among them
\`nodejs_eventloop_lag_p99_seconds\` and \`process_resident_memory_bytes\`.
`,
  ].join('\n');
}
