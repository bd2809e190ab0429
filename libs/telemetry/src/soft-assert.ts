import type { Logger } from '@entdb/base';
import type { Metrics } from './metrics.ts';

/** Every line of a failed soft assertion begins so: CI and alerts count them. */
export const softAssertPrefix = 'soft assertion failed: ';

/**
 * States what we believe and can live without: it logs and counts, and the caller goes on by the answer. The message is
 * fixed; facts go in fields. Where going on could lose or corrupt data, use `invariant` instead.
 */
export type SoftAssert = (condition: boolean, message: string, fields?: object) => boolean;

export function createSoftAssert(parts: {
  readonly logger: Logger;
  readonly metrics: Metrics;
}): SoftAssert {
  const failures = parts.metrics.counter({
    name: 'soft_assert_failures_total',
    unit: 'count',
    sentence: 'Beliefs of the program that turned out false.',
  });
  return (condition, message, fields = {}) => {
    if (!condition) {
      failures.add(1);
      parts.logger.error(fields, softAssertPrefix + message);
    }
    return condition;
  };
}
