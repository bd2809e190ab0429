/** grpc.health.v1, answered from the health of the process: all services of a process serve or none does. */
import { EntError } from '@entdb/base';
import { health as contract } from '@entdb/contracts/grpc';
import { isServing, type Health } from '../health.ts';
import type { Router } from '../router.ts';

const { HealthCheckResponse_ServingStatus: ServingStatus } = contract;

export function registerHealth(
  router: Router,
  health: Health,
  services: () => readonly string[],
): void {
  const current = () =>
    isServing(health.snapshot()) ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  // The empty name asks for the process as a whole.
  const isKnown = (service: string) => service === '' || services().includes(service);

  router.service(contract.Health, {
    check: async ({ service }) => {
      if (!isKnown(service))
        throw new EntError('NOT_FOUND', `there is no service ${service} here`, {
          field: 'service',
        });
      return { status: current() };
    },
    list: async () => ({
      statuses: Object.fromEntries(
        ['', ...services()].map((name) => [name, { status: current() }]),
      ),
    }),
    async *watch({ service }, call) {
      if (!isKnown(service)) {
        yield { status: ServingStatus.SERVICE_UNKNOWN };
        await new Promise((_, reject) =>
          call.signal.addEventListener('abort', () => reject(call.signal.reason), { once: true }),
        );
      }
      let told: number | undefined;
      for (;;) {
        const status = current();
        if (status !== told) yield { status };
        told = status;
        await changeOf(health, call.signal, () => current() !== told);
      }
    },
  });
}

/** Resolves when the health has changed, or has done so since it was last looked at. */
function changeOf(health: Health, signal: AbortSignal, already: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      forget();
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = () => end(() => reject(signal.reason));
    const forget = health.onChange(() => end(resolve));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else if (already()) end(resolve);
  });
}
