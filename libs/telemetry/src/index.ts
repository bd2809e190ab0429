export { createLogger, type LogLevel, type LoggerOptions } from './logger.ts';
export {
  createMetrics,
  lagBucketsSeconds,
  latencyBucketsSeconds,
  type Counter,
  type Gauge,
  type Histogram,
  type MetricRow,
  type Metrics,
  type MetricUnit,
} from './metrics.ts';
export { createSoftAssert, softAssertPrefix, type SoftAssert } from './soft-assert.ts';
