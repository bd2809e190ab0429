import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { ExecuteAtomicRequestSchema, val, Wait, type ExecuteAtomicRequest } from '@entdb/contracts';
import { connectTo } from '../../parts/server.ts';
import { bodyText } from '../sample-log.ts';
import { schema } from '../schema.ts';
import type { Job, Load } from './protocol.ts';

/** Two calls for each tenant: while one is answered the next is on its way. */
const callsPerTenant = 2;

export function batchLoad(job: Extract<Job, { kind: 'batch' }>): Load {
  const server = connectTo(job.endpoint);
  const loops = job.tenants.flatMap((tenantId) =>
    Array.from({ length: callsPerTenant }, () => {
      let definitions = true;
      return async () => {
        const transactions = Array.from({ length: job.transactions }, (_, i) =>
          requestOf(tenantId, definitions && i === 0),
        );
        const { outcomes } = await server.command.executeBatch({ transactions });
        const failed = outcomes.find(({ outcome }) => outcome.case !== 'response');
        if (failed) throw new Error(`a transaction failed: ${JSON.stringify(failed.outcome)}`);
        definitions = false;
        return outcomes.length;
      };
    }),
  );
  return { loops, close: async () => server.close() };
}

function requestOf(tenantId: string, definitions: boolean): ExecuteAtomicRequest {
  const key = randomUUID();
  return create(ExecuteAtomicRequestSchema, {
    tenantId,
    idempotencyKey: key,
    wait: Wait.DURABLE,
    schemaFingerprint: schema.fingerprint,
    ...(definitions && { schema: schema.definition }),
    operations: [
      {
        op: {
          case: 'createNode',
          value: {
            typeId: 1,
            fields: { 1: val.str(key), 2: val.int(7), 3: val.str(bodyText) },
          },
        },
      },
    ],
  });
}
