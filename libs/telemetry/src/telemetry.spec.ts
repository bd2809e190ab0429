import { EntError } from '@entdb/base';
import { createLogger } from './logger.ts';
import {
  createMetrics,
  lagBucketsSeconds,
  latencyBucketsSeconds,
  type Metrics,
} from './metrics.ts';
import { createSoftAssert, softAssertPrefix } from './soft-assert.ts';

const recorded = () => {
  const lines: string[] = [];
  return {
    lines,
    write: (line: string) => void lines.push(line),
    entry: (i: number): unknown => JSON.parse(lines[i]!),
  };
};

describe('createLogger', () => {
  it('writes one JSON object a line with service, instance, level, time and fields', () => {
    const out = recorded();
    const logger = createLogger({ service: 'gateway', instance: 'g-0', write: out.write });
    logger.child({ partition: 3 }).info({ offset: 12n }, 'applied');
    logger.debug({}, 'not shown');
    expect(out.lines).toHaveLength(1);
    expect(out.entry(0)).toMatchObject({
      service: 'gateway',
      instance: 'g-0',
      level: 'info',
      partition: 3,
      offset: 12,
      message: 'applied',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  it('shows code, facts and the whole chain of causes of an error', () => {
    const out = recorded();
    const cause = new Error('disk full', { cause: new Error('ENOSPC') });
    createLogger({ service: 's', instance: 'i', write: out.write }).error(
      {
        err: new EntError('STORE_UNAVAILABLE', 'cannot write', {
          tenantId: 't',
          hint: 'make room',
          cause,
        }),
      },
      'apply failed',
    );
    expect(out.entry(0)).toMatchObject({
      err: {
        code: 'STORE_UNAVAILABLE',
        tenantId: 't',
        hint: 'make room',
        cause: { message: expect.stringContaining('disk full') },
      },
    });
    expect(out.lines[0]).toContain('ENOSPC');
  });

  it('writes short lines when asked', () => {
    const out = recorded();
    createLogger({ service: 'gateway', instance: 'i', pretty: true, write: out.write }).warn(
      { port: 1, text: 'a b' },
      'slow',
    );
    expect(out.lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}gateway slow port=1 text="a b"\n$/,
    );
  });
});

describe('createMetrics', () => {
  let metrics: Metrics;
  beforeEach(() => void (metrics = createMetrics({ service: 'test', processMetrics: false })));
  afterEach(() => metrics.close());

  it('gives each kind with its help, labels and buckets', async () => {
    const calls = metrics.counter({
      name: 'calls_total',
      unit: 'count',
      sentence: 'Calls.',
      labels: ['code'],
    });
    const append = metrics.histogram({
      name: 'append_seconds',
      unit: 'seconds',
      sentence: 'Time of an append.',
      buckets: latencyBucketsSeconds,
    });
    metrics.gauge({ name: 'open_files', unit: 'count', sentence: 'Open files.', read: () => 7 });
    calls.add(2, { code: 'OK' });
    append.observe(0.09);
    const { body, contentType } = await metrics.scrape();
    expect(contentType).toContain('text/plain');
    expect(body).toContain('# HELP calls_total Calls. Unit: count.');
    expect(body).toContain('calls_total{code="OK",service="test"} 2');
    expect(body).toContain('append_seconds_bucket{le="0.075",service="test"} 0');
    expect(body).toContain('append_seconds_bucket{le="0.1",service="test"} 1');
    expect(body).toContain('open_files{service="test"} 7');
    expect(metrics.describe().map((row) => row.name)).toEqual([
      'calls_total',
      'append_seconds',
      'open_files',
    ]);
  });

  it('has an edge on each alert limit', () => {
    expect(latencyBucketsSeconds).toContain(0.1);
    expect(lagBucketsSeconds).toContain(60);
  });

  it('refuses a tenant label', () => {
    const labelled = { name: 'x', unit: 'count', sentence: 'X.', labels: ['tenant_id'] } as const;
    expect(() => metrics.counter(labelled)).toThrow('must not be labelled by tenant');
  });

  it('brings the metrics of the process', async () => {
    const own = createMetrics({ service: 'test' });
    expect((await own.scrape()).body).toContain('nodejs_eventloop_lag_p99_seconds');
    own.close();
    expect((await own.scrape()).body.trim()).toBe('');
  });

  it('counts and logs a failed belief, and only that', async () => {
    const out = recorded();
    const softAssert = createSoftAssert({
      metrics,
      logger: createLogger({ service: 's', instance: 'i', write: out.write }),
    });
    expect(softAssert(true, 'sky is up')).toBe(true);
    expect(softAssert(false, 'lag is positive', { lag: -1 })).toBe(false);
    expect(out.lines).toHaveLength(1);
    expect(out.entry(0)).toMatchObject({
      message: `${softAssertPrefix}lag is positive`,
      lag: -1,
      level: 'error',
    });
    expect((await metrics.scrape()).body).toContain('soft_assert_failures_total{service="test"} 1');
  });
});
