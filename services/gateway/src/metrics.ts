import {
  latencyBucketsSeconds,
  type Counter,
  type Histogram,
  type Metrics,
} from '@entdb/telemetry';

export interface GatewayMetrics {
  readonly appendSeconds: Histogram;
  readonly laneFailures: Counter;
  readonly commands: Counter<'code'>;
  readonly verdictSeconds: Histogram;
}

export function createGatewayMetrics(metrics: Metrics): GatewayMetrics {
  return {
    appendSeconds: metrics.histogram({
      name: 'wal_append_latency',
      unit: 'seconds',
      sentence: 'Time from handing a record to its lane until the log has acknowledged it.',
      buckets: latencyBucketsSeconds,
    }),
    laneFailures: metrics.counter({
      name: 'gateway_lane_failures_total',
      unit: 'count',
      sentence:
        'Lanes that failed and were replaced; the outcome of what they had in flight is unknown.',
    }),
    commands: metrics.counter({
      name: 'gateway_commands_total',
      unit: 'count',
      sentence: 'Transactions and tenant commands by outcome: OK, or the code of the error.',
      labels: ['code'],
    }),
    verdictSeconds: metrics.histogram({
      name: 'gateway_verdict_seconds',
      unit: 'seconds',
      sentence: 'Time from the acknowledgement of a record until its verdict came.',
      buckets: latencyBucketsSeconds,
    }),
  };
}
