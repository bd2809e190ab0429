import { availableParallelism, cpus, loadavg } from 'node:os';
import type { Contest, Standing } from './contest.ts';

export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly node: string;
  /** Load averages of one minute at the beginning and at the end: above the number of cores, others were at work. */
  readonly load: readonly [before: number, after: number];
}

export const loadNow = () => loadavg()[0] ?? Number.NaN;

export function machine(loadBefore: number): Machine {
  return {
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    load: [loadBefore, loadNow()],
  };
}

const headings = [
  'what',
  'per second',
  'ratio',
  'aim',
  'CPU us each',
  'CPU ratio',
  'p50 ms',
  'p99 ms',
  'rounds',
];

export function tableOf(contests: readonly Contest[], standings: readonly Standing[]): string {
  return contests.map((contest) => section(contest, standings)).join('\n');
}

function section({ title, terms }: Contest, standings: readonly Standing[]): string {
  const rows = standings.filter(({ contest }) => contest === title).map(rowOf);
  const table = [headings, ...rows];
  const widths = headings.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  '),
  );
  return `${title}: ${terms}\n${lines.map((line) => `  ${line.trimEnd()}\n`).join('')}`;
}

function rowOf({ name, median, ratio, cpuRatio, aim, samples }: Standing): readonly string[] {
  const number = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '';
  return [
    name,
    number(median.perSecond, 0),
    ratio === undefined ? 'limit' : ratio.toFixed(2),
    aim === undefined ? '' : `${aim} ${ratio !== undefined && ratio >= aim ? 'met' : 'missed'}`,
    number(median.cpuUs, 1),
    number(cpuRatio, 2),
    number(median.p50Ms, 1),
    number(median.p99Ms, 1),
    samples.map(({ perSecond }) => perSecond.toFixed(0)).join(' '),
  ];
}
