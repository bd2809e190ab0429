import { realClock, silentLogger } from '@entdb/base';
import { fromBinary } from '@bufbuild/protobuf';
import { GetNodeResponseSchema, GetNodesResponseSchema, QueryService } from '@entdb/contracts';
import { createHealth, createServer } from '@entdb/service-kit';
import { createMetrics } from '@entdb/telemetry';

/**
 * The server kit with nothing behind it: answers every GetNode with the same node and every GetNodes with the same nodes, which it is given as bytes.
 * Settings are those of the services.
 */
const [node, nodes] = process.argv.slice(2).map((text) => Buffer.from(text, 'base64'));
if (!node || !nodes) throw new Error('usage: echo.ts GET_NODE_RESPONSE GET_NODES_RESPONSE');
const health = createHealth();
health.setReadiness('ready');
const metrics = createMetrics({ service: 'echo' });
const getNode = fromBinary(GetNodeResponseSchema, node);
const getNodes = fromBinary(GetNodesResponseSchema, nodes);
const server = createServer({
  routes: (router) =>
    router.service(QueryService, { getNode: async () => getNode, getNodes: async () => getNodes }),
  health,
  metrics,
  logger: silentLogger,
  clock: realClock,
});
const { port } = await server.listen('127.0.0.1', 0);
process.send?.(port);
process.on('message', (message: 'cpu' | 'close') => {
  const { user, system } = process.cpuUsage();
  if (message === 'cpu') process.send?.((user + system) / 1e6);
  else
    void server.close({ graceMs: 1_000 }).then(() => {
      metrics.close();
      process.disconnect();
    });
});
