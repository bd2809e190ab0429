import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { SnapshotFile, SnapshotManifest } from '@entdb/archive-format';
import { assertNever, EntError, invariant } from '@entdb/base';
import type { TenantRestored } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import {
  keptDigests,
  openTenantWriter,
  tenantFacts,
  tenantFileNames,
  type TenantFacts,
  type TenantWriter,
} from '@entdb/tenant-store';
import type { ExistingFiles } from './existing-files.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { asDiskError, assertClosed, fsyncPath, hashFile } from './files.ts';
import { isWithin, type Point } from './limit.ts';
import type { Output } from './output.ts';
import type { RestorePlan } from './plan.ts';
import { assertDigests, pointAt, replaySegments, type Digests } from './replay.ts';
import { replayTail, type LogAtHand } from './tail.ts';
import { openWorkingCopy, settleFolder, type WorkingCopy } from './working-copy.ts';

/** A step of a restore. A second run finds what is done, and says so. */
export interface Step {
  readonly name: StepName;
  isDone(): boolean;
  run(): Promise<void>;
}

export type StepName = 'base' | 'segments' | 'log' | 'check';

export interface ExecuteOptions {
  readonly store: ObjectStore;
  readonly plan: RestorePlan;
  readonly output: Output;
  /** The log, with the end it had when the plan was made; where the plan has a tail. */
  readonly log?: { readonly atHand: LogAtHand; readonly endOffset: number };
  /** Of the position that is reached. */
  readonly expected?: Digests;
  /** Digests that snapshots have for positions on the way, by sequence. */
  readonly checkpoints?: ReadonlyMap<number, Digests>;
  /** Look at every row again before the files are given out. */
  readonly scrub: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExecuteProgress) => void;
  readonly onErasure?: (at: Point) => void;
  /** Brings the files of the state that a restore in place on the way names into an empty folder. */
  readonly fetchState: (restored: TenantRestored, dir: string) => Promise<void>;
  /** Files that were there, and may be used. */
  readonly existing?: ExistingFiles;
}

export interface ExecuteProgress {
  readonly step: StepName;
  readonly state: 'begun' | 'under way' | 'done';
  readonly at: Point;
  /** Records that the plan names, those of the log not counted. */
  readonly recordsPlanned: number;
}

export interface Executed {
  readonly facts: TenantFacts;
  /** Whether the limit was met on the log, or the key found there. */
  readonly metOnLog: boolean;
  /** Of a snapshot: those that were there already. */
  readonly reusedFiles: readonly SnapshotFile[];
  /** Whether a digest that is known from elsewhere was met, and was the same. */
  readonly isCompared: boolean;
}

/**
 * Does what the plan says, in the output's own folder, and leaves the finished, checked and synced files in `output.work`. Publishing them is the caller's.
 * Each step can be cut off anywhere and run again: the base arrives by one rename, and from then on the position is in the files.
 */
export async function executePlan(options: ExecuteOptions): Promise<Executed> {
  const { plan, output, onProgress } = options;
  keepUsableWork(plan, output);
  let at: Point = plan.base.at;
  let metOnLog = false;
  let facts: TenantFacts | undefined;
  let reusedFiles: readonly SnapshotFile[] = [];
  let isCompared = options.expected !== undefined;
  const tell = (step: StepName, state: ExecuteProgress['state']) =>
    onProgress?.({ step, state, at, recordsPlanned: plan.records });

  const replay = (step: StepName) => ({
    limit: plan.limit,
    ...(options.checkpoints && { expected: options.checkpoints }),
    ...(options.signal && { signal: options.signal }),
    ...(options.onErasure && { onErasure: options.onErasure }),
    onCompared: () => {
      isCompared = true;
    },
    onApplied: (point: Point) => {
      at = point;
      tell(step, 'under way');
    },
  });

  const runSteps = async (steps: readonly Step[]): Promise<void> => {
    for (const step of steps) {
      options.signal?.throwIfAborted();
      if (step.isDone()) continue;
      tell(step.name, 'begun');
      await step.run();
      tell(step.name, 'done');
    }
  };
  /** Their progress is the position in the files: a second run applies what is beyond it. */
  const stepsOn = (copy: WorkingCopy): readonly Step[] => [
    {
      name: 'segments',
      isDone: () => plan.segments.length === 0,
      run: () => replaySegments(options.store, plan.segments, copy, replay('segments')),
    },
    {
      name: 'log',
      isDone: () => plan.tail.kind === 'none',
      run: async () => {
        const { tail } = plan;
        if (tail.kind === 'none') return;
        invariant(options.log, 'a plan with a tail is executed with a log');
        const { atHand, endOffset } = options.log;
        metOnLog = await replayTail(atHand, copy, { ...replay('log'), tail, endOffset });
      },
    },
    {
      name: 'check',
      isDone: () => facts !== undefined,
      run: async () => {
        facts = checkFiles(copy.writer, options);
        isCompared ||= keptAgree(plan, output.work, options.checkpoints);
      },
    },
  ];
  try {
    await runSteps([
      {
        name: 'base',
        isDone: () => existsSync(output.work),
        run: async () => {
          reusedFiles = await fetchBase(options);
        },
      },
    ]);
    // Work of an earlier run was looked through before, and a base has its hash.
    const { tenantId } = plan;
    const copy = openWorkingCopy({ dir: output.work, tenantId, fetchState: options.fetchState });
    try {
      at = pointAt(copy.writer.position);
      await runSteps(stepsOn(copy));
    } finally {
      copy.close(); // the last connection moves the -wal into the file and removes it
    }
    sealFiles(output.work);
  } catch (error) {
    throw asDiskError(error, 'the restore cannot write');
  }
  invariant(facts, 'the check was run');
  return { facts, metOnLog, reusedFiles, isCompared };
}

/**
 * Work of an earlier run is used if it began at the same base and has not passed the new plan's limit; a key that is looked for in the log may have been
 * passed in it, so such work counts only as far as the archive goes. Everything else is removed.
 */
function keepUsableWork(plan: RestorePlan, output: Output): void {
  rmSync(output.incoming, { recursive: true, force: true });
  settleFolder(output.work);
  if (!isUsable(plan, output)) rmSync(output.work, { recursive: true, force: true });
  mkdirSync(dirname(output.planPath), { recursive: true });
  const draft = `${output.planPath}.new`;
  writeFileSync(draft, `${JSON.stringify(plan, null, 2)}\n`);
  fsyncPath(draft);
  renameSync(draft, output.planPath);
  fsyncPath(dirname(output.planPath));
}

function isUsable(plan: RestorePlan, output: Output): boolean {
  if (!existsSync(output.work) || !existsSync(output.planPath)) return false;
  try {
    const before = JSON.parse(readFileSync(output.planPath, 'utf8')) as RestorePlan; // written by us, by one rename
    if (before.tenantId !== plan.tenantId || !isEqual(before.base, plan.base)) return false;
    const writer = openTenantWriter({
      dir: output.work,
      tenantId: plan.tenantId,
      create: false,
      check: 'quick',
    });
    const at = pointAt(writer.position);
    writer.close();
    const archived = plan.segments.at(-1)?.lastSequence ?? plan.base.at.sequence;
    const mayHavePassedKey =
      (plan.tail.kind === 'log' && plan.tail.key !== undefined && at.sequence > archived) ||
      (before.tail.kind === 'log' && before.tail.key !== undefined && at.sequence > archived);
    return !mayHavePassedKey && (at.sequence === 0 || isWithin(plan.limit, at));
  } catch (error) {
    // Whatever is wrong with it, it can be made again.
    if (error instanceof EntError || error instanceof SyntaxError) return false;
    throw error;
  }
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Brings the base into `work`, by one rename, after it was checked. */
async function fetchBase({
  store,
  plan,
  output,
  existing,
  signal,
}: ExecuteOptions): Promise<readonly SnapshotFile[]> {
  const { base, tenantId } = plan;
  const { incoming, work } = output;
  const source = existing?.dir ?? output.target;
  let reused: readonly SnapshotFile[] = [];
  rmSync(incoming, { recursive: true, force: true });
  mkdirSync(incoming);
  switch (base.kind) {
    case 'scratch':
      openTenantWriter({ dir: incoming, tenantId, create: true }).close();
      break;
    case 'snapshot':
      reused = await takeExisting(base.manifest, incoming, existing);
      await fetchSnapshot(store, base.manifest, incoming, {
        check: 'bytes',
        there: new Set(reused.map(({ name }) => name)),
        ...(signal && { signal }),
      });
      break;
    case 'folder':
      for (const name of tenantFileNames)
        for (const side of ['', '-wal'])
          if (existsSync(join(source, name + side)))
            cpSync(join(source, name + side), join(incoming, name + side));
      openTenantWriter({ dir: incoming, tenantId, create: false, check: 'quick' }).close();
      break;
    default:
      return assertNever(base);
  }
  for (const name of tenantFileNames) fsyncPath(join(incoming, name));
  fsyncPath(incoming);
  renameSync(incoming, work);
  fsyncPath(dirname(work));
  return reused;
}

/** Files that are what the snapshot has, byte for byte: once as they were there, and once as they have arrived. */
async function takeExisting(
  { files }: SnapshotManifest,
  incoming: string,
  existing: ExistingFiles | undefined,
): Promise<readonly SnapshotFile[]> {
  const taken: SnapshotFile[] = [];
  for (const file of files) {
    if (!existing || existing.sha256.get(file.name) !== file.sha256) continue;
    const path = join(incoming, file.name);
    cpSync(join(existing.dir, file.name), path);
    if ((await hashFile(path)).sha256 === file.sha256) taken.push(file);
  }
  return taken;
}

/** The digest that the files must have, and every row where that is asked for. */
function checkFiles(
  writer: TenantWriter,
  { plan, output, expected, scrub }: ExecuteOptions,
): TenantFacts {
  const { tenantId } = plan;
  if (scrub) writer.scrub();
  if (expected) assertDigests(tenantId, pointAt(writer.position), expected, writer.digests());
  return tenantFacts(output.work, tenantId);
}

/** What an earlier run passed is not met again; the files have kept it. Throws RESTORE_DIGEST_MISMATCH. */
function keptAgree(
  { tenantId, base }: RestorePlan,
  dir: string,
  known: ReadonlyMap<number, Digests> = new Map(),
): boolean {
  if (base.kind !== 'folder') return false;
  const passed = [...known.keys()].filter((sequence) => sequence > base.at.sequence);
  const kept = keptDigests(dir, tenantId, passed);
  for (const [sequence, { offset, canonical }] of kept) {
    const said = { canonical: known.get(sequence)?.canonical ?? '', mailbox: '' };
    assertDigests(tenantId, { sequence, offset, timeMs: 0 }, said, { canonical, mailbox: '' });
  }
  return kept.size > 0;
}

/** Everything is in the files, and on disk. */
function sealFiles(dir: string): void {
  assertClosed(dir, tenantFileNames);
  for (const name of tenantFileNames) fsyncPath(join(dir, name));
  fsyncPath(dir);
}
