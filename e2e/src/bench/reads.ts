import { fork } from 'node:child_process';
import { once } from 'node:events';
import { create, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@entdb/client';
import {
  GetNodeRequestSchema,
  GetNodeResponseSchema,
  GetNodesRequestSchema,
  GetNodesResponseSchema,
  positionToWire,
} from '@entdb/contracts';
import type { Fleet } from '@entdb/deploy/local';
import { connectTo } from '../parts/server.ts';
import type { Contest } from './contest.ts';
import { cpuSecondsOf } from './cpu.ts';
import { loaded, startLoad, type LoadProcess } from './load/start.ts';
import { bodyText } from './sample-log.ts';
import { Item, schema } from './schema.ts';

const tenantId = 'bench-reads';
const nodesWritten = 1_000;
const outstanding = 32;
const idsPerCall = 100;

export interface ReadContests {
  readonly contests: readonly Contest[];
  close(): Promise<void>;
}

/** Reads of nodes that are there, at a position that is applied, beside an echo of the very answers through the same server kit. */
export async function readContests(fleet: Fleet): Promise<ReadContests> {
  await using client = createClient({ endpoint: fleet.endpoint, schema });
  const tenant = client.tenant(tenantId);
  const written = await Promise.all(
    Array.from({ length: nodesWritten }, (_, i) =>
      tenant.atomic((plan) =>
        plan.create(Item, { title: `read ${i}`, count: BigInt(i), body: bodyText }),
      ),
    ),
  );
  const ids = written.map(({ ids: [id] }) => String(id));
  const position = tenant.position;
  const id = ids[0];
  const applier = fleet.appliers[0];
  if (!position || id === undefined || !applier) throw new Error('nothing was written');

  const scope = { tenantId, atLeast: positionToWire(position) };
  const one = create(GetNodeRequestSchema, { scope, typeId: 1, id });
  const many = create(GetNodesRequestSchema, { scope, typeId: 1, ids: ids.slice(0, idsPerCall) });
  const server = connectTo(applier.address);
  const oneAnswer = toBinary(GetNodeResponseSchema, await server.query.getNode(one));
  const manyAnswer = toBinary(GetNodesResponseSchema, await server.query.getNodes(many));
  server.close();

  const echo = await startEcho(oneAnswer, manyAnswer);
  const loads: LoadProcess[] = [];
  const load = async (endpoint: string, method: 'GetNode' | 'GetNodes') => {
    const single = method === 'GetNode';
    const body = single
      ? toBinary(GetNodeRequestSchema, one)
      : toBinary(GetNodesRequestSchema, many);
    const answerBytesMin = (single ? oneAnswer : manyAnswer).length - 8; // positions may be shorter
    const path = `/entdb.v1.QueryService/${method}`;
    const started = await startLoad({
      kind: 'unary',
      endpoint,
      path,
      body: Buffer.from(body).toString('base64'),
      outstanding,
      answerBytesMin,
    });
    loads.push(started);
    return started;
  };
  const applierCpu = { cpuSeconds: () => cpuSecondsOf(applier) };
  const echoCpu = { cpuSeconds: echo.cpuSeconds };
  const perCall = { itemsPerCount: idsPerCall };
  const contests: readonly Contest[] = [
    {
      title: 'point read',
      terms: `GetNode of an existing node at a position, ${outstanding} calls in flight; the limit echoes the same answer through the same server kit`,
      limit: loaded('echo', await load(echo.address, 'GetNode'), echoCpu),
      contenders: [
        loaded('GetNode', await load(applier.address, 'GetNode'), { ...applierCpu, aim: 0.7 }),
      ],
    },
    {
      title: 'batched read, nodes',
      terms: `GetNodes of ${idsPerCall} nodes a call, ${outstanding} calls in flight; counted in nodes`,
      limit: loaded('echo', await load(echo.address, 'GetNodes'), { ...echoCpu, ...perCall }),
      contenders: [
        loaded('GetNodes', await load(applier.address, 'GetNodes'), { ...applierCpu, ...perCall }),
      ],
    },
  ];
  return {
    contests,
    close: async () => {
      for (const started of loads) await started.close();
      await echo.close();
    },
  };
}

async function startEcho(node: Uint8Array, nodes: Uint8Array) {
  const answers = [node, nodes].map((bytes) => Buffer.from(bytes).toString('base64'));
  const child = fork(new URL('./servers/echo.ts', import.meta.url).pathname, answers);
  const [port] = (await once(child, 'message')) as [number];
  return {
    address: `http://127.0.0.1:${port}`,
    cpuSeconds: async (): Promise<number> => {
      child.send('cpu');
      return (await once(child, 'message'))[0] as number; // said by servers/echo.ts
    },
    close: async () => {
      const exited = once(child, 'exit');
      child.send('close');
      await exited;
    },
  };
}
