import { drawSample, parseSample, seedOfDay } from './sample.ts';

const tenants = Array.from({ length: 200 }, (_, i) => `tenant-${i}`);

it.each([
  ['5', { kind: 'count', count: 5 }],
  ['2%', { kind: 'percent', percent: 2 }],
  ['0.5%', { kind: 'percent', percent: 0.5 }],
  ['100%', { kind: 'percent', percent: 100 }],
])('reads %s', (text, size) => expect(parseSample(text)).toEqual(size));

it.each([['0'], ['0%'], ['101%'], ['1.5'], ['-1'], ['five'], [''], ['5 %']])('refuses %j', (text) =>
  expect(() => parseSample(text)).toThrow('no size of a sample'),
);

it('draws the same for a seed, whatever the order, and others for another', () => {
  const draw = (seed: string, from = tenants) =>
    drawSample(from, { kind: 'count', count: 20 }, seed);
  expect(draw('2026-11-23')).toHaveLength(20);
  expect(draw('2026-11-23', tenants.toReversed())).toEqual(draw('2026-11-23'));
  expect(draw('2026-11-24')).not.toEqual(draw('2026-11-23'));
});

it('comes to everybody as days go by', () => {
  const drawn = new Set<string>();
  for (let day = 0; day < 400; day += 1)
    for (const tenant of drawSample(
      tenants,
      parseSample('2%'),
      seedOfDay(1_790_000_000_000 + day * 86_400_000),
    ))
      drawn.add(tenant);
  expect(drawn.size).toBe(tenants.length);
});

it('rounds a share up, and never draws more than there are', () => {
  expect(drawSample(['a', 'b', 'c'], parseSample('1%'), 's')).toHaveLength(1);
  expect(drawSample(['b', 'a'], parseSample('10'), 's')).toEqual(['a', 'b']);
  expect(drawSample([], parseSample('50%'), 's')).toEqual([]);
});
