import { readFileSync } from 'node:fs';

/** The most memory that a running process had at any time, in bytes. (What getrusage says of a child begins with its parent's.) */
export function peakBytesOf(pid: number | 'self'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
