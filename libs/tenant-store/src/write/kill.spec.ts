import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { killLog } from './testing/kill-log.ts';
import { createTenantDir, dump } from './testing/tenant-dir.ts';

/**
 * SIGKILL at random moments while a process applies a log: the files that it leaves are whole, each at its own position, and applying the rest
 * gives what an undisturbed run gives, row for row. The killed process runs under Node as the services do. The wait is the fault itself, not a
 * guess at when something is ready.
 */
const rounds = Number(process.env['ENTDB_KILL_ROUNDS'] ?? 10);
const records = 3000;

test(`${rounds} kills leave no trace`, async () => {
  const [undisturbed, killed] = [createTenantDir(), createTenantDir()];
  try {
    const log = killLog(records);
    const reference = undisturbed.open();
    reference.apply(log);
    const digests = reference.digests();
    reference.close();

    const reached: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const child = fork(
        join(__dirname, 'testing/kill-child.ts'),
        [killed.dir, String(records), String(1 + Math.floor(Math.random() * 40))],
        { execArgv: ['--no-warnings'] },
      );
      const exited = once(child, 'exit');
      await Promise.race([once(child, 'message'), exited]);
      await Promise.race([delay(Math.random() * 120), exited]);
      child.kill('SIGKILL');
      await exited;
      const writer = killed.open({ create: false, check: 'quick' });
      writer.scrub();
      reached.push(writer.position.offset);
      writer.close();
    }
    expect(reached).toEqual([...reached].sort((a, b) => a - b));

    const writer = killed.open({ create: false });
    const { poison } = writer.apply(log.slice(writer.position.offset + 1));
    expect(poison).toBeUndefined();
    expect(writer.digests()).toEqual(digests);
    writer.scrub();
    writer.close();
    expect(dump(killed)).toEqual(dump(undisturbed));
    console.info(`killed at ${reached.join(', ')} of ${records}`);
  } finally {
    undisturbed.remove();
    killed.remove();
  }
}, 300_000);
