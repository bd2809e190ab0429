/** What is done to the fleet, one at a time or two at once. Each resolves when the harm is over; healing may take longer. */
import { setTimeout as delay } from 'node:timers/promises';
import { rmSync, renameSync } from 'node:fs';
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
  // The applier as often as the gateways together: it is the one with state.
  const services = [...fleet.services, ...fleet.appliers].map(kill);
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

/** An applier's volume is gone: under the running process, at once or file by file, or while it is down. */
export function volumeHarmsOf({ fleet }: TestFleet): readonly Harm[] {
  return fleet.appliers.flatMap((service): Harm[] => {
    const dir = fleet.storeDir(service);
    const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
    /** Nobody tells the process: it must see by itself that its files are no longer there, and end. */
    const withoutNotice = async (lose: () => void): Promise<void> => {
      await service.ready();
      const { restarts } = service;
      lose();
      await eventually(`${service.name} notices`, async () => service.restarts > restarts);
    };
    return [
      { kind: `volume of ${service.name} deleted`, run: () => withoutNotice(remove) },
      {
        kind: `volume of ${service.name} moved away`,
        run: (rng) =>
          withoutNotice(() => {
            const aside = `${dir}.lost-${rng.between(0, 2 ** 31)}`;
            renameSync(dir, aside);
            rmSync(aside, { recursive: true, force: true });
          }),
      },
      {
        kind: `volume of ${service.name} deleted, and killed`,
        run: async () => {
          await eventually(`${service.name} runs`, async () => service.pid !== undefined);
          const killed = service.kill('SIGKILL');
          remove();
          await killed;
        },
      },
    ];
  });
}
