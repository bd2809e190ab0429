import { createClient } from '@entdb/client';
import { bodyText } from '../sample-log.ts';
import { Item, schema } from '../schema.ts';
import type { Job, Load } from './protocol.ts';

export function sdkLoad(job: Extract<Job, { kind: 'sdk' }>): Load {
  const { endpoint, wait, tenants, outstanding } = job;
  const clients = Array.from({ length: job.clients }, () =>
    createClient({ endpoint, schema, outstandingMax: outstanding }),
  );
  let next = 0;
  const title = `${process.pid}-${performance.timeOrigin}`;
  const loops = Array.from({ length: outstanding }, (_, loop) => {
    const client = clients[loop % clients.length]!;
    const tenant = client.tenant(tenants[loop % tenants.length]!);
    return async () => {
      const i = (next += 1);
      const plan = (p: Parameters<Parameters<typeof tenant.atomic>[0]>[0]) =>
        void p.create(Item, { title: `${title}-${i}`, count: BigInt(i), body: bodyText });
      if (wait === 'durable') await tenant.atomic(plan, { wait });
      else await tenant.atomic(plan);
      return 1;
    };
  });
  return {
    loops,
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}
