import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seeded, type Seeded } from '../parts/seeded.ts';
import { startStorePlace } from '../parts/store-place.ts';
import { makeAllOperations, type Step } from './all-operations.ts';
import { createArchive, materialise } from './build.ts';
import type { Comparison } from './compare.ts';
import { offsetTasks, timeTasks, type Task } from './targets.ts';
import type { WorkerInput } from './worker.ts';

export interface EveryOffsetOptions {
  readonly records: number;
  /** Random times, beside all offsets. */
  readonly times: number;
  readonly seed: number;
  /** A directory, or an S3 server that is started for it. */
  readonly s3: boolean;
  readonly workers: number;
  /** Of so many tasks one is done; the others are left out. */
  readonly oneOf: number;
  /** Begins no restore after so many minutes: what was made until then is a fair part of all. */
  readonly minutesMax?: number;
  readonly aside: (line: string) => void;
}

export interface EveryOffsetReport {
  readonly log: LogFacts;
  readonly rows: readonly TableRow[];
  readonly differences: readonly string[];
}

/** What the history was made of. */
export interface LogFacts {
  readonly records: number;
  readonly applied: number;
  readonly rejected: number;
  readonly repeated: number;
  readonly refused: number;
  readonly equalStamps: number;
  readonly stepsBack: number;
  readonly deletions: number;
  readonly segments: number;
  readonly snapshots: number;
  readonly restoresInPlace: number;
  readonly onLogOnly: number;
}

export interface TableRow {
  readonly kind: string;
  readonly restores: number;
  readonly fromSnapshot: number;
  readonly withLogTail: number;
  readonly beforeFirst: number;
  readonly equal: number;
  readonly different: number;
}

const perSegment = 37;
/** Of the records so many are on the log alone. */
const tailPart = 0.03;

/** Makes a history, archives it, and restores to all of it. */
export async function runEveryOffset(options: EveryOffsetOptions): Promise<EveryOffsetReport> {
  const { records, times, seed, oneOf, aside } = options;
  const dir = mkdtempSync(join(tmpdir(), 'entdb-every-offset-'));
  const place = await startStorePlace(dir, options.s3);
  try {
    const steps = makeAllOperations(records, seeded(seed));
    const archived = records - Math.max(1, Math.floor(records * tailPart));
    const snapshotsAt = [0.2, 0.45, 0.7, 0.9].map((part) => Math.floor(archived * part));
    const store = place.open();
    const archive = createArchive({ store, dir: join(dir, 'archive'), perSegment, snapshotsAt });
    const { log, truths, adopted } = await materialise(join(dir, 'truth'), steps, archive);
    aside(`${records} records materialised one by one: the store is what the model says`);
    await archive.extendTo(log.slice(0, archived));
    let segments = 0;
    for await (const { key } of store.list({ prefix: 'archive/' }))
      if (key.endsWith('.gz')) segments += 1;
    await store.close();
    aside(`${archived} archived in ${segments} segments, ${archive.snapshots()} snapshots`);

    const random = seeded(seed + 1);
    const all = [...offsetTasks(truths), ...timeTasks(truths, times, random)];
    const tasks = shuffled(
      all.filter((_, i) => i % oneOf === 0),
      random,
    );
    const input = {
      place: place.settings,
      archivedOffset: log[archived]!.offset,
      log: log.map(({ value, ...at }) => ({ ...at, value: Buffer.from(value).toString('base64') })),
      truths,
    };
    const comparisons = await inWorkers(dir, input, tasks, options);
    return {
      log: {
        ...factsOf(steps),
        segments,
        snapshots: archive.snapshots(),
        restoresInPlace: adopted,
        onLogOnly: records - archived,
      },
      rows: tableOf(comparisons),
      differences: comparisons.flatMap(({ difference }) => difference ?? []),
    };
  } finally {
    await place.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function shuffled<T>(items: readonly T[], random: Seeded): readonly T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i -= 1) {
    const j = random.between(0, i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

async function inWorkers(
  dir: string,
  input: Omit<WorkerInput, 'tasks' | 'scratchDir' | 'millisecondsMax'>,
  tasks: readonly Task[],
  { workers, minutesMax, aside }: EveryOffsetOptions,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  const one = async (worker: number): Promise<void> => {
    const scratchDir = join(dir, `worker-${worker}`);
    mkdirSync(scratchDir);
    const path = join(scratchDir, 'input.json');
    const own = tasks.filter((_, i) => i % workers === worker);
    const limits = minutesMax === undefined ? {} : { millisecondsMax: minutesMax * 60_000 };
    const whole: WorkerInput = { ...input, ...limits, tasks: own, scratchDir };
    writeFileSync(path, JSON.stringify(whole));
    const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [path], {
      execArgv: [],
    });
    child.on('message', (comparison: Comparison) => {
      comparisons.push(comparison);
      if (comparisons.length % 500 === 0)
        aside(`${comparisons.length} of ${tasks.length} restores`);
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code !== 0) throw new Error(`a worker ended with ${String(code)}`);
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => one(worker)));
  if (minutesMax === undefined && comparisons.length !== tasks.length)
    throw new Error(`${comparisons.length} of ${tasks.length} restores were made`);
  return comparisons;
}

function factsOf(
  steps: readonly Step[],
): Omit<LogFacts, 'segments' | 'snapshots' | 'onLogOnly' | 'restoresInPlace'> {
  const count = (is: (step: Step, before: Step | undefined) => boolean) =>
    steps.filter((step, i) => is(step, steps[i - 1])).length;
  return {
    records: steps.length,
    applied: count(({ expected }) => expected === 'applied'),
    rejected: count(({ expected }) => expected === 'rejected'),
    repeated: count(({ expected }) => expected === 'repeated'),
    refused: count(({ expected }) => expected === 'refused'),
    equalStamps: count(({ timeMs }, before) => timeMs === before?.timeMs),
    stepsBack: count(({ timeMs }, before) => before !== undefined && timeMs < before.timeMs),
    deletions: count(
      ({ record, expected }) => record.body.case === 'tenantDeleted' && expected === 'applied',
    ),
  };
}

function tableOf(comparisons: readonly Comparison[]): readonly TableRow[] {
  const kinds = [...new Set(comparisons.map(({ kind }) => kind))].toSorted();
  return kinds.map((kind) => {
    const own = comparisons.filter((comparison) => comparison.kind === kind);
    const count = (is: (comparison: Comparison) => boolean) => own.filter(is).length;
    return {
      kind,
      restores: own.length,
      fromSnapshot: count(({ base }) => base === 'snapshot'),
      withLogTail: count(({ fromLog }) => fromLog),
      beforeFirst: count(({ base, difference }) => base === 'none' && difference === undefined),
      equal: count(({ base, difference }) => base !== 'none' && difference === undefined),
      different: count(({ difference }) => difference !== undefined),
    };
  });
}
