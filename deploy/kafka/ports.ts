import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { host } from './settings.ts';
import type { BrokerCount, BrokerNode } from './settings.ts';

/** Controllers listen this far above their broker's client port. */
const controllerPortOffset = 10;

/**
 * Below the range from which systems take the port of an outgoing connection (32768 or higher): while a broker is
 * down, a client that keeps dialling its port must not be given that very port and so connect to itself.
 */
const portRange = { first: 20_000, last: 29_900 } as const;
const attemptsMax = 100;

export function nodesFrom(basePort: number, brokers: BrokerCount): readonly BrokerNode[] {
  return Array.from({ length: brokers }, (_, index) => ({
    id: index + 1,
    clientPort: basePort + index,
    controllerPort: basePort + controllerPortOffset + index,
  }));
}

/** Nodes on a random block of ports, all of them free a moment ago. */
export async function nodesOnFreePorts(brokers: BrokerCount): Promise<readonly BrokerNode[]> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const nodes = nodesFrom(randomInt(portRange.first, portRange.last), brokers);
    if ((await busyPort(nodes)) === undefined) return nodes;
  }
  throw new Error(
    `no free block of ports between ${portRange.first} and ${portRange.last} in ${attemptsMax} attempts`,
  );
}

/** A random port that was free a moment ago, for a server of another kind. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = randomInt(portRange.first, portRange.last);
    if (await isFree(port)) return port;
  }
  throw new Error(
    `no free port between ${portRange.first} and ${portRange.last} in ${attemptsMax} attempts`,
  );
}

/** The first port of these nodes that another process holds, if any. */
export async function busyPort(nodes: readonly BrokerNode[]): Promise<number | undefined> {
  for (const port of nodes.flatMap((node) => [node.clientPort, node.controllerPort])) {
    if (!(await isFree(port))) return port;
  }
  return undefined;
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
