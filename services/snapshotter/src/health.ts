import type { ComponentState } from '@entdb/service-kit';
import type { Hearing } from './hearing.ts';
import type { Snapshotter } from './snapshotter.ts';
import { standsStill } from './tenant.ts';

/** Never unhealthy: to send no calls here would mend nothing. */
export function storeState(snapshotter: Pick<Snapshotter, 'trouble' | 'tenants'>): ComponentState {
  const trouble = snapshotter.trouble();
  if (trouble !== undefined) return { kind: 'degraded', reason: trouble };
  const stopped = snapshotter.tenants().filter(standsStill).length;
  if (stopped > 0)
    return { kind: 'degraded', reason: `${stopped} tenants get no snapshot: see standing_still` };
  const passing = snapshotter.tenants().find(({ fault }) => fault !== undefined)?.fault;
  if (passing) return { kind: 'degraded', reason: `${passing.during}: ${passing.message}` };
  return { kind: 'healthy' };
}

/** The log is not needed for snapshots, but without it nobody compares them. */
export function heardState(hearing: Pick<Hearing, 'trouble'>): ComponentState {
  const trouble = hearing.trouble();
  if (trouble === undefined) return { kind: 'healthy', text: 'connected' };
  return { kind: 'degraded', reason: `snapshots are compared with nothing: ${trouble}` };
}
