import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '@entdb/restore';
import type { RestoreReport } from '@entdb/snapshot';
import type { Seeded } from '../parts/seeded.ts';
import { dumpRows, hashRows } from '../restore/rows.ts';
import { endsWithin, startProgram, type Program } from './program.ts';
import type { Step } from './steps.ts';
import type { Surroundings } from './surroundings.ts';
import type { Truth } from './truth.ts';

/** A restore that is asked for on the command line, and the records that it may reach. */
export interface Asked {
  readonly tenantId: string;
  readonly args: readonly string[];
  /** The sequence; `atLeast` where the log goes on meanwhile. */
  readonly sequence: number;
  readonly exact: boolean;
}

const patienceMs = 120_000;

/** A target that can be had: any of the five kinds. */
export function askFor(
  tenantId: string,
  truth: Truth,
  random: Seeded,
  wanted: { readonly latest?: boolean; readonly scratch?: boolean } = {},
): Asked {
  const records = truth.records(tenantId);
  const scratch = wanted.scratch ?? random.between(0, 3) === 0;
  const base = ['restore', '--tenant-id', tenantId, ...(scratch ? ['--from-scratch'] : [])];
  const kind =
    wanted.latest === true
      ? 'latest'
      : random.pick(['latest', 'sequence', 'position', 'key', 'time'] as const);
  const sequence = random.between(1, records.length + 1);
  const at = records[sequence - 1]!;
  const exact = (args: readonly string[], reaches = sequence): Asked => ({
    tenantId,
    args: [...base, ...args],
    sequence: reaches,
    exact: true,
  });
  switch (kind) {
    case 'latest':
      return { tenantId, args: [...base, '--latest'], sequence: records.length, exact: false };
    case 'sequence':
      return exact(['--target-sequence', String(sequence)]);
    case 'position':
      return exact(['--target-position', String(at.offset)]);
    case 'key':
      return exact(['--target-key', at.record.idempotencyKey]);
    case 'time': {
      const reaches = records.filter(({ timeMs }) => timeMs <= at.timeMs).length;
      // The last stamp of all may get another record yet.
      if (reaches === records.length) return exact(['--target-sequence', String(sequence)]);
      return exact(['--target-time', new Date(at.timeMs).toISOString()], reaches);
    }
  }
}

export function startRestore(
  { env, dir }: Surroundings,
  { args }: Asked,
  outputDir: string,
  options: {
    readonly force?: boolean;
    readonly doom?: { readonly step: Step; readonly times: number };
  } = {},
): Program {
  const { force = false, doom } = options;
  return startProgram({
    kind: 'restore',
    args: [...args, '--output-dir', outputDir, ...(force ? ['--force'] : [])],
    env,
    signDir: dir,
    ...(doom && { doom }),
  });
}

/**
 * Runs a restore to its end. Gives what is wrong with it; undefined where it is what the truth says, and nothing else was left. `isThere`: the files may be in their place
 * already, and a refusal to replace them is as good.
 */
export async function completeRestore(
  surroundings: Surroundings,
  truth: Truth,
  asked: Asked,
  outputDir: string,
  options: { readonly force?: boolean; readonly isThere?: boolean } = {},
): Promise<string | undefined> {
  const program = startRestore(surroundings, asked, outputDir, options);
  if (!(await endsWithin(program, patienceMs))) {
    program.signal('SIGKILL');
    return `${asked.args.join(' ')}: not within ${patienceMs} ms`;
  }
  const code = await program.exited;
  const isRefused = code === exitCodes.refused && program.output().includes('OUTPUT_NOT_EMPTY');
  if (code !== 0 && !(isRefused && options.isThere === true))
    return `${asked.args.join(' ')}: exit ${code}: ${program.output()}`;
  await truth.caughtUp();
  const wrong = differenceOf(truth, asked, outputDir);
  return wrong === undefined ? undefined : `${asked.args.join(' ')}: ${wrong}`;
}

/** What is wrong with files that were given out. */
export function differenceOf(
  truth: Truth,
  { tenantId, sequence, exact }: Asked,
  outputDir: string,
): string | undefined {
  const left = readdirSync(outputDir).filter((name) => name !== tenantId);
  if (left.length > 0) return `left beside the result: ${left.join(', ')}`;
  return differenceOfFiles(truth, { tenantId, sequence, exact }, join(outputDir, tenantId));
}

export function differenceOfFiles(
  truth: Truth,
  { tenantId, sequence, exact }: Omit<Asked, 'args'>,
  dir: string,
): string | undefined {
  const names = readdirSync(dir).toSorted().join();
  if (names !== 'canonical.db,mailbox.db,report.json') return `the files are ${names}`;
  const report = JSON.parse(readFileSync(join(dir, 'report.json'), 'utf8')) as RestoreReport; // written by the restore
  const reached = report.reached.sequence;
  if (exact ? reached !== sequence : reached < sequence)
    return `reached record ${reached}, and ${sequence} was asked for`;
  const digests = truth.digestsOf(tenantId, reached);
  if (digests?.canonical !== report.digests.canonical || digests.mailbox !== report.digests.mailbox)
    return `the digests at record ${reached} are others`;
  if (hashRows(dumpRows(dir)) !== truth.rowsOf(tenantId, reached))
    return `the rows at record ${reached} are others`;
  return undefined;
}

/** Whether the result of a killed restore stands in its place already: the kill came after the last rename. */
export const isPublished = (outputDir: string, tenantId: string): boolean =>
  existsSync(join(outputDir, tenantId, 'report.json'));

export const clearOutput = (outputDir: string): void =>
  rmSync(outputDir, { recursive: true, force: true });
