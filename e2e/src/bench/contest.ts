/** What is measured, and how: each beside the limit that it can at best come near to, in the same run, in turns. */
export interface Sample {
  readonly perSecond: number;
  /** Of the process that answers, not of the one that asks. */
  readonly cpuUs?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

export interface Contender {
  readonly name: string;
  /** The share of the limit that it is to reach. */
  readonly aim?: number;
  round(seconds: number): Promise<Sample>;
}

/** Contenders that do the same work, and the limit: the least that anybody must do for it. */
export interface Contest {
  readonly title: string;
  /** What the contenders and the limit do, in a sentence. */
  readonly terms: string;
  readonly limit: Contender;
  readonly contenders: readonly Contender[];
}

export interface Standing {
  readonly contest: string;
  readonly name: string;
  readonly median: Sample;
  /** Of the contest's limit, round by round; the median. Absent for the limit itself. */
  readonly ratio?: number;
  /** Processor time that the limit takes for each, in terms of what this takes: steadier than rates where others use the machine. */
  readonly cpuRatio?: number;
  readonly aim?: number;
  /** All that was measured, in the order of the rounds. */
  readonly samples: readonly Sample[];
}

export interface ContestOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly aside: (line: string) => void;
}

/** A round to warm up, then `rounds` of each, in turns, so that what disturbs the machine disturbs all alike. */
export async function hold(
  contest: Contest,
  options: ContestOptions,
): Promise<readonly Standing[]> {
  const { rounds, seconds, aside } = options;
  const all = [contest.limit, ...contest.contenders];
  const samples = new Map(all.map((contender) => [contender, [] as Sample[]]));
  for (let round = 0; round <= rounds; round += 1) {
    aside(`${contest.title}: ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}`);
    for (const contender of round % 2 === 0 ? all : all.toReversed()) {
      const sample = await contender.round(seconds);
      if (round > 0) samples.get(contender)?.push(sample);
    }
  }
  const limits = samples.get(contest.limit) ?? [];
  return all.map((contender) => {
    const own = samples.get(contender) ?? [];
    const ratios = own.map((sample, i) => sample.perSecond / (limits[i]?.perSecond ?? Number.NaN));
    const cpuRatios = own.flatMap(({ cpuUs }, i) => {
      const limitUs = limits[i]?.cpuUs;
      return cpuUs !== undefined && limitUs !== undefined ? [limitUs / cpuUs] : [];
    });
    return {
      contest: contest.title,
      name: contender.name,
      median: medianOf(own),
      ...(contender !== contest.limit && { ratio: median(ratios), cpuRatio: median(cpuRatios) }),
      ...(contender.aim !== undefined && { aim: contender.aim }),
      samples: own,
    };
  });
}

function medianOf(samples: readonly Sample[]): Sample {
  const of = (key: keyof Sample) => {
    const values = samples.flatMap((sample) => sample[key] ?? []);
    return values.length > 0 ? { [key]: median(values) } : {};
  };
  return {
    perSecond: median(samples.map(({ perSecond }) => perSecond)),
    ...of('cpuUs'),
    ...of('p50Ms'),
    ...of('p99Ms'),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
