import { hold, median, type Contender } from './contest.ts';

/** A contender that answers with one number after the other, and says when it was asked. */
function scripted(name: string, rates: readonly number[], asked: string[]): Contender {
  let round = 0;
  return {
    name,
    round: async () => {
      asked.push(name);
      const perSecond = rates[round]!;
      round += 1;
      return { perSecond, cpuUs: 1e6 / perSecond };
    },
  };
}

describe('a contest', () => {
  it('lets all compete in turns, forgets the warm-up, and compares each round with the limit of that round', async () => {
    const asked: string[] = [];
    const limit = scripted('limit', [1, 100, 10, 100], asked);
    const ours = scripted('ours', [1, 50, 9, 60], asked);
    const contest = { title: 't', terms: '', limit, contenders: [{ ...ours, aim: 0.5 }] };
    const standings = await hold(contest, { rounds: 3, seconds: 1, aside: () => {} });
    expect(asked).toEqual(['limit', 'ours', 'ours', 'limit', 'limit', 'ours', 'ours', 'limit']);
    expect(standings[0]).toMatchObject({ name: 'limit', median: { perSecond: 100 } });
    expect(standings[0]).not.toHaveProperty('ratio');
    expect(standings[1]).toMatchObject({ name: 'ours', median: { perSecond: 50 }, aim: 0.5 });
    expect(standings[1]?.ratio).toBeCloseTo(0.6);
    expect(standings[1]?.cpuRatio).toBeCloseTo(0.6);
  });

  it('takes the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });
});
