/** How a process is: the state of its parts, and whether calls should come here. Two questions, two answers. */

export type ComponentState =
  | { readonly kind: 'healthy'; readonly text?: string }
  | { readonly kind: 'degraded'; readonly reason: string }
  | { readonly kind: 'unhealthy'; readonly reason: string };

export type HealthStatus = ComponentState['kind'];

/** Whether calls should come here. A process that catches up is starting, however well its parts are. */
export type Readiness = 'starting' | 'ready' | 'draining';

export interface HealthSnapshot {
  readonly status: HealthStatus;
  readonly readiness: Readiness;
  readonly components: Readonly<Record<string, ComponentState>>;
}

const order: readonly HealthStatus[] = ['healthy', 'degraded', 'unhealthy'];

/** Pure: as bad as the worst part. A part that the process can do without calls itself degraded, not unhealthy. */
export function overallStatus(components: Readonly<Record<string, ComponentState>>): HealthStatus {
  const worst = Math.max(0, ...Object.values(components).map(({ kind }) => order.indexOf(kind)));
  return order[worst] ?? 'unhealthy';
}

export interface Health {
  snapshot(): HealthSnapshot;
  set(component: string, state: ComponentState): void;
  setReadiness(readiness: Readiness): void;
  /** Calls back after each change; returns the way to stop it. */
  onChange(listener: () => void): () => void;
}

export function createHealth(): Health {
  let components: HealthSnapshot['components'] = {};
  let readiness: Readiness = 'starting';
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  return {
    snapshot: () => ({ status: overallStatus(components), readiness, components }),
    set: (component, state) => {
      components = { ...components, [component]: state };
      changed();
    },
    setReadiness: (next) => {
      readiness = next;
      changed();
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Whether a load balancer should send calls here. */
export const isServing = ({ status, readiness }: HealthSnapshot): boolean =>
  readiness === 'ready' && status !== 'unhealthy';

/** The body of GET /health. `facts` are the service's own, such as its lag. */
export function healthBody(
  snapshot: HealthSnapshot,
  facts: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const components = Object.entries(snapshot.components).map(([name, state]) => [
    name,
    state.kind === 'healthy' ? (state.text ?? 'ok') : `${state.kind}: ${state.reason}`,
  ]);
  return {
    status: snapshot.status,
    readiness: snapshot.readiness,
    components: Object.fromEntries(components),
    ...facts,
  };
}
