import { eventually } from '../parts/eventually.ts';
import type { Surroundings } from './surroundings.ts';

/** What was seen of an archiver whose store was away, at the moment when it first gave warning. */
export interface GuardReport {
  /** Before, then, and when everything was archived again: the worst share of the log's retention that an unarchived record has used up. */
  readonly ratios: readonly [before: number, warned: number, after: number];
  /** What /health said. */
  readonly health: { readonly status: string; readonly s3: string };
  /** Offsets that the log had lost by then and the archive had not: none, or the warning came too late. */
  readonly lost: number;
  readonly stoppedTenants: number;
}

/** Freezes the object store, writes, and waits for the warning; then lets the archive catch up. */
export async function watchGuard(
  surroundings: Surroundings,
  write: () => Promise<void>,
): Promise<GuardReport> {
  const { fleet, s3, bounds, marks } = surroundings;
  const archiver = fleet.archivers[0]!;
  const ratio = () => gauge(archiver.http, 'archive_unarchived_age_ratio');
  const before = await ratio();
  s3.pause();
  try {
    await write();
    const [warned, health] = await eventually(
      'a warning of the archiver',
      async () => {
        const told = await healthOf(archiver.http);
        return told.s3.includes('forgets') && ([await ratio(), told] as const);
      },
      { timeoutMs: 300_000 },
    );
    const [log, done] = [await bounds(), await marks()];
    const lost = log.reduce(
      (sum, { startOffset }, partition) => sum + Math.max(0, startOffset - done[partition]!),
      0,
    );
    s3.resume();
    const after = await eventually('an archive that has caught up', async () => {
      const now = await ratio();
      return (await healthOf(archiver.http)).status === 'healthy' && { now };
    });
    const stoppedTenants = await gauge(archiver.http, 'archive_stopped_tenants');
    return { ratios: [before, warned, after.now], health, lost, stoppedTenants };
  } finally {
    s3.resume();
  }
}

async function gauge(http: string, name: string): Promise<number> {
  const metrics = await (await fetch(`${http}/metrics`)).text();
  const value = new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(metrics)?.[1];
  if (value === undefined) throw new Error(`there is no ${name}`);
  return Number(value);
}

async function healthOf(http: string): Promise<GuardReport['health']> {
  const told = (await (await fetch(`${http}/health`)).json()) as {
    readonly status: string;
    readonly components: { readonly s3: string };
  };
  return { status: told.status, s3: told.components.s3 };
}
