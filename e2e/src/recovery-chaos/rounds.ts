import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadCatalog } from '@entdb/snapshot';
import { eventually } from '../parts/eventually.ts';
import type { Seeded } from '../parts/seeded.ts';
import type { Load } from './load.ts';
import type { Round } from './plan.ts';
import { endsWithin } from './program.ts';
import {
  askFor,
  type Asked,
  clearOutput,
  completeRestore,
  isPublished,
  startRestore,
} from './restores.ts';
import { snapshotRecords, type ServiceKind, type Services } from './services.ts';
import type { Step } from './steps.ts';
import type { Surroundings } from './surroundings.ts';
import type { Truth } from './truth.ts';

/** What a round needs of everything around it. */
export interface Stage {
  readonly surroundings: Surroundings;
  readonly services: Services;
  readonly truth: Truth;
  readonly load: Load;
  readonly random: Seeded;
  /** Those that are written to now; the last one has segments of several pieces. */
  tenants(): readonly string[];
  /** Tells of a kill. */
  killed(victim: string, moment: string): void;
  completed(): void;
  /** What is not as it must be. */
  wrong(what: string): void;
}

/** Longer than any program needs to come to a step, on a machine that is shared. */
const stepMs = 60_000;
const byChance = 'at a random moment';

export async function playRound(stage: Stage, round: Round): Promise<void> {
  const victim = round.kind === 'step' ? round.step.victim : round.victim;
  if (victim !== 'restore')
    return round.kind === 'step'
      ? killServiceAt(stage, victim, round.step, round.times)
      : killServiceByChance(stage, victim);
  return round.kind === 'step'
    ? killRestoreAt(stage, round.step, round.times)
    : killRestoreByChance(stage);
}

async function killServiceAt(
  stage: Stage,
  kind: ServiceKind,
  step: Step,
  times: number,
): Promise<void> {
  const { services, killed, wrong } = stage;
  if (step.needs === undefined) services.running(kind).doom(step, times);
  else {
    await services.kill(kind);
    killed(kind, byChance);
    if (step.needs === 'no cache') services.dropCache();
    services.start(kind, { step, times: 1 });
  }
  const program = services.running(kind);
  if (!(await endsWithin(program, stepMs))) {
    wrong(`${kind} never came to the step "${step.name}"`);
    program.spare();
    return;
  }
  if (program.cameTo()) killed(kind, step.name);
  else wrong(`${kind} ended by itself: ${program.output()}`);
  services.start(kind);
  await caughtUp(stage, kind);
}

async function killServiceByChance(stage: Stage, kind: ServiceKind): Promise<void> {
  const { services, random, killed } = stage;
  // In the midst of its work, and once more soon after its start.
  for (const withinMs of [300, 1_500]) {
    await delay(random.between(0, withinMs));
    await services.kill(kind);
    killed(kind, byChance);
    services.start(kind);
  }
  await caughtUp(stage, kind);
}

/** Resolves when the service that was killed has done what there was to do when it was started again. */
async function caughtUp({ surroundings, truth, tenants }: Stage, kind: ServiceKind): Promise<void> {
  await truth.caughtUp();
  const goals = tenants().map((tenantId) => [tenantId, truth.records(tenantId).length] as const);
  for (const [tenantId, records] of goals)
    await eventually(`${kind}: record ${records} of ${tenantId}`, async () => {
      const { history, windows } = await loadCatalog(surroundings.store, tenantId);
      if (kind === 'archiver') return (windows.at(-1)?.last.sequence ?? 0) >= records;
      // With so many records less a snapshot need not be due.
      return (history.snapshots.at(-1)?.sequence ?? 0) >= records - snapshotRecords;
    });
}

async function killRestoreAt(stage: Stage, step: Step, times: number): Promise<void> {
  const { surroundings, services, truth, load, random, tenants, killed, wrong } = stage;
  const outputDir = join(surroundings.dir, 'out');
  clearOutput(outputDir);
  await truth.caughtUp();
  const large = tenants().at(-1)!;
  const tenantId = step.needs === 'large segments' ? large : random.pick(tenants());
  const force = step.needs === 'an older restore';
  if (step.needs === 'a snapshot')
    await eventually('a snapshot', async () => {
      const { history } = await loadCatalog(surroundings.store, tenantId);
      return history.snapshots.length > 0;
    });
  if (step.needs === 'a tail') {
    // Nobody archives what is written now.
    await services.kill('archiver');
    killed('archiver', byChance);
    await load.write(tenantId, 20);
    await truth.caughtUp();
  }
  const wanted = {
    ...(step.needs !== undefined && { latest: true }),
    ...(step.needs === 'a snapshot' && { scratch: false }),
    ...((step.needs === 'no snapshot' || step.needs === 'large segments') && { scratch: true }),
  };
  const asked = askFor(tenantId, truth, random, wanted);
  if (force) {
    const before = await completeRestore(surroundings, truth, asked, outputDir);
    if (before !== undefined) return wrong(before);
  }
  const doomed = startRestore(surroundings, asked, outputDir, { force, doom: { step, times } });
  const ended = await endsWithin(doomed, stepMs);
  if (ended && doomed.cameTo()) killed('restore', step.name);
  // Fewer segments than times: it has done all that there was.
  else if (ended && (await doomed.exited) === 0 && times > 1) killed('restore', 'after its end');
  else {
    doomed.signal('SIGKILL');
    wrong(
      `restore never came to the step "${step.name}": ${asked.args.join(' ')}: ${doomed.output()}`,
    );
  }
  await runAgain(stage, asked, outputDir, force);
  if (step.needs === 'a tail') {
    services.start('archiver');
    await caughtUp(stage, 'archiver');
  }
}

async function killRestoreByChance(stage: Stage): Promise<void> {
  const { surroundings, truth, random, tenants, killed } = stage;
  const outputDir = join(surroundings.dir, 'out');
  clearOutput(outputDir);
  await truth.caughtUp();
  const asked = askFor(random.pick(tenants()), truth, random);
  const doomed = startRestore(surroundings, asked, outputDir);
  await endsWithin(doomed, random.between(100, 1_500));
  doomed.signal('SIGKILL');
  killed('restore', (await doomed.exited) === null ? byChance : 'after its end');
  await runAgain(stage, asked, outputDir, false);
}

/** The same command once more completes what was killed. */
async function runAgain(
  { surroundings, truth, completed, wrong }: Stage,
  asked: Asked,
  outputDir: string,
  force: boolean,
): Promise<void> {
  const isThere = isPublished(outputDir, asked.tenantId);
  const options = { force, isThere };
  const difference = await completeRestore(surroundings, truth, asked, outputDir, options);
  if (difference === undefined) completed();
  else wrong(difference);
}
