import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tenantId } from '../write/testing/log.ts';
import { dump, tenantDirAt } from '../write/testing/tenant-dir.ts';
import { tenantDir } from './tenant-folder.ts';
import { restoredLog, type RestoredLog } from './testing/restored-log.ts';
import { digests } from './testing/volumes.ts';

/**
 * SIGKILL within adoptions and installations: what is left is taken up again, and ends row for row as an undisturbed tenant does. The wait is the fault itself: it begins when
 * the process says that a step begins, and its length is that of the step.
 */
const rounds = Number(process.env['ENTDB_KILL_ROUNDS'] ?? 8);
const records = 26;
/** With how long each takes, about. */
const steps = [
  ['adopting', 12],
  ['installing', 3],
  ['copying', 6],
] as const;

let log: RestoredLog;
let dir: string;
beforeAll(() => {
  log = restoredLog(records, 6);
  dir = mkdtempSync(join(tmpdir(), 'restore-kill-'));
  for (let sequence = 1; sequence <= records; sequence++)
    cpSync(log.copy(sequence), join(dir, String(sequence)), { recursive: true });
  const lines = log.records.map(({ value, ...rest }) => ({
    ...rest,
    value: Buffer.from(value).toString('base64'),
  }));
  writeFileSync(join(dir, 'log.json'), JSON.stringify(lines));
});
afterAll(() => {
  log.remove();
  rmSync(dir, { recursive: true, force: true });
});

/** Runs until the `nth` beginning of the step and a moment more, or to the end. */
async function live(
  volume: string,
  batch: number,
  kill?: { step: string; nth: number; afterMs: number },
) {
  const child = fork(join(__dirname, 'testing/restore-child.ts'), [volume, dir, String(batch)], {
    execArgv: ['--no-warnings'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const told: string[] = [];
  child.on('message', (message) => {
    if (typeof message === 'string') told.push(message);
    if (!kill || told.filter((step) => step === kill.step).length !== kill.nth) return;
    if (message === kill.step) void delay(kill.afterMs).then(() => child.kill('SIGKILL'));
  });
  const [code, signal] = (await exited) as [number | null, string | null];
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the child ended with ${code} ${signal}`);
  return { told, killed: signal === 'SIGKILL' };
}

test(`${rounds} kills in adoptions and installations leave no trace`, async () => {
  const volume = join(dir, 'volume');
  const killed: string[] = [];
  for (let round = 0; round < rounds; round++) {
    // Once the log is at its end there is nothing more to kill: a new life begins.
    if (round % 4 === 0) rmSync(volume, { recursive: true, force: true });
    const [step, ms] = steps[round % steps.length]!;
    const kill = { step, nth: 1 + Math.floor(Math.random() * 2), afterMs: Math.random() * ms };
    const { told, killed: was } = await live(volume, 1 + Math.floor(Math.random() * 9), kill);
    if (was) killed.push(told.at(-1)!);
    if (round % 4 !== 3 && round !== rounds - 1) continue;
    await live(volume, 7);
    expect(digests(volume, [tenantId])[0]).toMatch(new RegExp(`^${records - 1} `));
    expect(dump(tenantDirAt(tenantDir(volume, tenantId)))).toEqual(
      dump(tenantDirAt(log.copy(records))),
    );
  }
  console.info(`killed after: ${killed.join(', ')}`);
  expect(killed.length).toBeGreaterThan(rounds / 3);
}, 300_000);
