import { spawn } from 'node:child_process';

/**
 * Kills a process with SIGKILL when this one ends, even by SIGKILL itself. The guard is a shell that waits on a pipe
 * whose other end only this process holds; it needs nothing of the operating system but POSIX.
 */
export interface Watchdog {
  /** Stand down, once the process that was watched has ended by itself. */
  dismiss(): Promise<void>;
}

// Signals meant for the terminal's whole group must not end the guard before its master.
const guard = `trap '' INT TERM HUP; read -r order; [ "$order" = dismissed ] || kill -KILL "$1"`;

export function watch(pid: number): Watchdog {
  const shell = spawn('/bin/sh', ['-c', guard, 'watchdog', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const exited = new Promise<void>((resolve) => shell.once('exit', () => resolve()));
  return {
    async dismiss() {
      shell.stdin.end('dismissed\n');
      await exited;
    },
  };
}
