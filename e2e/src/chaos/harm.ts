/** What is done to the fleet, one at a time or two at once. Each resolves when the harm is over; healing may take longer. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from '@entdb/deploy/local';
import type { TestFleet } from '../parts/fleet.ts';
import type { Seeded } from '../parts/seeded.ts';
import { eventually } from '../parts/eventually.ts';

export interface Harm {
  /** For the report: "gateway SIGKILL". */
  readonly kind: string;
  readonly run: (rng: Seeded) => Promise<void>;
}

const brokerDownMs = [300, 3_000] as const;

export function harmsOf({ fleet, brokers }: TestFleet): readonly Harm[] {
  const kill = (service: Service): Harm => ({
    kind: `${service.name} killed`,
    run: async () => {
      // It may be between its last end and its next start; then the kill comes as early in its life as can be.
      await eventually(`${service.name} runs`, async () => service.pid !== undefined);
      await service.kill('SIGKILL');
    },
  });
  const services = fleet.services.map(kill);
  if (!brokers) return services;
  const brokerHarms = [1, 2, 3].flatMap((id): Harm[] => [
    {
      kind: `broker-${id} killed`,
      run: async (rng) => {
        await brokers.broker(id).kill();
        await delay(rng.between(...brokerDownMs));
        await brokers.broker(id).start();
      },
    },
    {
      kind: `broker-${id} paused`,
      run: async (rng) => {
        brokers.broker(id).pause();
        await delay(rng.between(...brokerDownMs));
        brokers.broker(id).resume();
      },
    },
  ]);
  return [...services, ...services, ...brokerHarms]; // services as often as brokers
}
