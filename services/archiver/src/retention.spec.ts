import { EntError } from '@entdb/base';
import * as fc from 'fast-check';
import { exposureOf, exposureTrouble, exposureWarned, readRetention } from './retention.ts';
import { troubleOf } from './status.ts';

const topicWith = (config: Readonly<Record<string, string>>) => ({
  describeTopic: async (name: string) => ({ name, partitions: 1, replicationFactor: 1, config }),
});
const lagOf = (ageMs: number, bytes = 0) => ({ records: 1, ageMs, bytes });

describe('how much the log keeps', () => {
  it.each<[string, Readonly<Record<string, string>>, number, number]>([
    ['what is stated', { 'retention.ms': '1000', 'retention.bytes': '5000' }, 1000, 5000],
    ['for ever', { 'retention.ms': '-1', 'retention.bytes': '-1' }, Infinity, Infinity],
    ['what is expected, where it is not stated', {}, 77, Infinity],
  ])('is %s', async (_, config, ms, bytes) => {
    expect(await readRetention(topicWith(config), 77)).toEqual({ ms, bytes });
  });

  it('is what is expected while there is no topic', async () => {
    const none = { describeTopic: async () => undefined };
    expect(await readRetention(none, 77)).toEqual({ ms: 77, bytes: Infinity });
  });
});

describe('how near the log is to losing what is not archived', () => {
  it('is a share of its age and of its bytes', () => {
    const retention = { ms: 1000, bytes: 400 };
    expect(exposureOf(lagOf(500, 100), retention)).toEqual({ age: 0.5, bytes: 0.25 });
    expect(exposureOf(lagOf(5000, 100), { ms: Infinity, bytes: Infinity })).toEqual({
      age: 0,
      bytes: 0,
    });
    expect(exposureOf({ records: 0, ageMs: 0, bytes: 0 }, { ms: 0, bytes: 0 })).toEqual({
      age: 0,
      bytes: 0,
    });
  });

  it('is told from one half on, by whichever is worse', () => {
    expect(exposureTrouble({ age: 0.49, bytes: 0.49 })).toBeUndefined();
    expect(exposureTrouble({ age: 0.5, bytes: 0 })).toContain('50 % of the age');
    expect(exposureTrouble({ age: 0.6, bytes: 0.75 })).toContain('75 % of the bytes');
    fc.assert(
      fc.property(
        fc.double({ min: 0, noNaN: true }),
        fc.double({ min: 0, noNaN: true }),
        (a, b) => {
          const told = exposureTrouble({ age: a, bytes: b }) !== undefined;
          expect(told).toBe(a >= exposureWarned || b >= exposureWarned);
        },
      ),
    );
  });

  it('is said of a partition only where nothing worse is', () => {
    const near = { age: 0.9, bytes: 0 };
    const none = { age: 0, bytes: 0 };
    const failure = new EntError('LOG_TRUNCATED', 'the log is shorter', {});
    expect(troubleOf({ failure: undefined, hole: undefined }, none)).toBeUndefined();
    expect(troubleOf({ failure: undefined, hole: undefined }, near)).toContain('90 %');
    expect(troubleOf({ failure: undefined, hole: { from: 1, to: 2 } }, near)).toContain('GAP');
    expect(troubleOf({ failure, hole: { from: 1, to: 2 } }, near)).toContain('LOG_TRUNCATED');
  });
});
