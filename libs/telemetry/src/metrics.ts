/**
 * Metrics: each has a name, a unit and a sentence. No metric may carry a tenant as a label: a thousand label sets on a
 * histogram cost 46 ms of the event loop at every scrape, and tenants are counted in tens of thousands.
 */
import { invariant } from '@entdb/base';
import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';

export type MetricUnit = 'seconds' | 'bytes' | 'count' | 'hours' | 'ratio' | 'info';

/** Edges on and around the alert limit of 100 ms, so that "share above 0.1 s" is exact and needs no interpolation. */
export const latencyBucketsSeconds: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5,
];

/** Edges on and around the alert limit of 60 s. */
export const lagBucketsSeconds: readonly number[] = [0.1, 0.5, 1, 5, 15, 30, 60, 120, 600];

interface MetricText<L extends string> {
  readonly name: string;
  readonly unit: MetricUnit;
  /** One sentence for the person who reads the dashboard. */
  readonly sentence: string;
  readonly labels?: readonly L[];
}

type LabelsOf<L extends string> = [L] extends [never] ? [] : [labels: Readonly<Record<L, string>>];

export interface Counter<L extends string = never> {
  add(value: number, ...labels: LabelsOf<L>): void;
}

export interface Gauge<L extends string = never> {
  set(value: number, ...labels: LabelsOf<L>): void;
}

export interface Histogram<L extends string = never> {
  observe(value: number, ...labels: LabelsOf<L>): void;
}

/** One row of the generated documentation page. */
export interface MetricRow {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly unit: MetricUnit;
  readonly sentence: string;
  readonly labels: readonly string[];
}

export interface Metrics {
  counter<L extends string = never>(metric: MetricText<L>): Counter<L>;
  /** `read` is asked at each scrape, for values that something else already keeps. */
  gauge<L extends string = never>(
    metric: MetricText<L> & { readonly read?: () => number },
  ): Gauge<L>;
  histogram<L extends string = never>(
    metric: MetricText<L> & { readonly buckets: readonly number[] },
  ): Histogram<L>;
  describe(): readonly MetricRow[];
  /** The text of /metrics. */
  scrape(): Promise<{ readonly contentType: string; readonly body: string }>;
  close(): void;
}

export function createMetrics(options: {
  readonly service: string;
  readonly processMetrics?: boolean;
}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  const rows: MetricRow[] = [];

  const declare = <L extends string>(kind: MetricRow['kind'], metric: MetricText<L>) => {
    const labels = metric.labels ?? [];
    invariant(
      !labels.some((label) => /tenant/i.test(label)),
      `metric ${metric.name} must not be labelled by tenant`,
    );
    invariant(metric.sentence.endsWith('.'), `metric ${metric.name} needs a sentence`);
    rows.push({ name: metric.name, kind, unit: metric.unit, sentence: metric.sentence, labels });
    return {
      name: metric.name,
      help: `${metric.sentence} Unit: ${metric.unit}.`,
      labelNames: labels,
      registers: [registry],
    };
  };

  return {
    counter: (metric) => {
      const counter = new PromCounter(declare('counter', metric));
      return {
        add: (value, ...[labels]) => (labels ? counter.inc(labels, value) : counter.inc(value)),
      };
    },
    gauge: (metric) => {
      const { read } = metric;
      const collect = function (this: { set(value: number): void }) {
        if (read) this.set(read());
      };
      const gauge = new PromGauge({ ...declare('gauge', metric), ...(read ? { collect } : {}) });
      return {
        set: (value, ...[labels]) => (labels ? gauge.set(labels, value) : gauge.set(value)),
      };
    },
    histogram: (metric) => {
      const histogram = new PromHistogram({
        ...declare('histogram', metric),
        buckets: [...metric.buckets],
      });
      return {
        observe: (value, ...[labels]) =>
          labels ? histogram.observe(labels, value) : histogram.observe(value),
      };
    },
    describe: () => [...rows],
    scrape: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    close: () => registry.clear(),
  };
}
