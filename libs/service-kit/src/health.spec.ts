import fc from 'fast-check';
import {
  createHealth,
  healthBody,
  isServing,
  overallStatus,
  type ComponentState,
} from './health.ts';

const ok: ComponentState = { kind: 'healthy' };
const slow: ComponentState = { kind: 'degraded', reason: 'lag is 90 s' };
const gone: ComponentState = { kind: 'unhealthy', reason: 'no broker' };

describe('health', () => {
  it.each([
    [{}, 'healthy'],
    [{ wal: ok, sqlite: ok }, 'healthy'],
    [{ wal: ok, sqlite: slow }, 'degraded'],
    [{ wal: gone, sqlite: slow }, 'unhealthy'],
  ] as const)('of %j is %s', (components, status) =>
    expect(overallStatus(components)).toBe(status),
  );

  it('is as bad as the worst part, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(ok, slow, gone)), (states) => {
        const status = overallStatus(
          Object.fromEntries(states.map((state, i) => [`c${i}`, state])),
        );
        const worst = states.includes(gone)
          ? 'unhealthy'
          : states.includes(slow)
            ? 'degraded'
            : 'healthy';
        expect(status).toBe(worst);
      }),
    );
  });

  it('serves only when ready and not unhealthy, and tells its listeners', () => {
    const health = createHealth();
    const told: boolean[] = [];
    const stop = health.onChange(() => told.push(isServing(health.snapshot())));
    health.setReadiness('ready');
    health.set('wal', slow);
    health.set('wal', gone);
    health.set('wal', ok);
    health.setReadiness('draining');
    stop();
    health.setReadiness('ready');
    expect(told).toEqual([true, true, false, true, false]);
  });

  it('has the body that operators know', () => {
    const health = createHealth();
    health.set('wal', { kind: 'healthy', text: 'connected' });
    health.set('sqlite', slow);
    expect(healthBody(health.snapshot(), { applier_lag_ms: 50 })).toEqual({
      status: 'degraded',
      readiness: 'starting',
      components: { wal: 'connected', sqlite: 'degraded: lag is 90 s' },
      applier_lag_ms: 50,
    });
  });
});
