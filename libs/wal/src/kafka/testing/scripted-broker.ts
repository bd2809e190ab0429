import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createPartitionLog, errors, type PartitionLog } from './partition-log.ts';
import {
  apiVersionsBody,
  frame,
  initProducerIdBody,
  metadataBody,
  parseRequest,
  produceBody,
  type Request,
} from './protocol.ts';

/** What becomes of one produce request. */
export type ProduceFault =
  | 'none'
  /** Refused, nothing written. */
  | 'not-enough-replicas'
  /** Written, and yet answered with an error. */
  | 'not-enough-replicas-after-append'
  /** Written; no answer ever, on a connection that stays. */
  | 'ack-lost'
  /** Written; then the connection ends. */
  | 'dies-after-append'
  /** Neither written nor answered; the connection ends. */
  | 'dies-before-append'
  /** Waits in the broker until `release`: written by the rule that holds then, and answered if anybody still listens. */
  | 'held';

/**
 * Two brokers that speak to producers only and do what a test tells them, above one log of each partition. They apply the
 * broker's own rule for repeats, so what a client loses on a real cluster it loses here, and in milliseconds.
 */
export interface ScriptedCluster {
  readonly topic: string;
  /** `host:port` of both. */
  readonly bootstrap: readonly string[];
  log(partition: number): PartitionLog;
  /** For the next produce requests, in the order of their arrival at either broker; afterwards all goes well. */
  script(...faults: readonly ProduceFault[]): void;
  /** For every produce request from now on; takes precedence over the script. */
  always(fault: ProduceFault | undefined): void;
  /** Processes what is held, in order. */
  release(): void;
  moveLeader(partition: number, node: 1 | 2): void;
  /** The host is gone without a word: its connections stay open and nothing is ever answered. */
  vanish(node: 1 | 2): void;
  /** Whether requests for a producer id are answered. */
  initProducerId(answer: boolean): void;
  readonly produceRequests: number;
  /** How many connections are open. */
  readonly connections: number;
  close(): Promise<void>;
}

interface Node {
  readonly id: 1 | 2;
  readonly server: Server;
  readonly port: number;
}

export async function startScriptedCluster(partitions = 1): Promise<ScriptedCluster> {
  const topic = 'scripted';
  const logs = Array.from({ length: partitions }, createPartitionLog);
  const leaders: (1 | 2)[] = logs.map(() => 1);
  const vanished = new Set<1 | 2>();
  const sockets = new Set<Socket>();
  const script: ProduceFault[] = [];
  let constant: ProduceFault | undefined;
  let held: (() => void)[] = [];
  let answersInit = true;
  let producerIds = 0;
  let produceRequests = 0;

  const logOf = (partition: number): PartitionLog => {
    const log = logs[partition];
    if (!log) throw new Error(`no partition ${partition}`);
    return log;
  };

  const produce = (
    node: 1 | 2,
    socket: Socket,
    request: Request & { readonly kind: 'produce' },
  ) => {
    const { correlationId, partition, batch } = request;
    produceRequests++;
    const answer = (errorCode: number, baseOffset: number) => {
      if (!vanished.has(node))
        socket.write(
          frame(correlationId, produceBody(topic, partition, { errorCode, baseOffset })),
        );
    };
    if (leaders[partition] !== node) {
      answer(errors.notLeader, -1);
      return;
    }
    const append = () => logOf(partition).append(batch);
    const fault = constant ?? script.shift() ?? 'none';
    switch (fault) {
      case 'none': {
        const { errorCode, baseOffset } = append();
        answer(errorCode, baseOffset);
        return;
      }
      case 'not-enough-replicas':
        answer(errors.notEnoughReplicas, -1);
        return;
      case 'not-enough-replicas-after-append':
        append();
        answer(errors.notEnoughReplicasAfterAppend, -1);
        return;
      case 'ack-lost':
        append();
        return;
      case 'dies-after-append':
        append();
        socket.end();
        return;
      case 'dies-before-append':
        socket.end();
        return;
      case 'held':
        held.push(() => {
          const { errorCode, baseOffset } = append();
          if (socket.writable) answer(errorCode, baseOffset);
        });
    }
  };

  const handle = (node: 1 | 2, socket: Socket, request: Request) => {
    const { correlationId } = request;
    const answer = (body: Buffer) => socket.write(frame(correlationId, body));
    switch (request.kind) {
      case 'apiVersions':
        answer(apiVersionsBody(request.version));
        return;
      case 'metadata':
        answer(metadataBody(nodes, topic, leaders));
        return;
      case 'initProducerId':
        if (answersInit) answer(initProducerIdBody(++producerIds));
        return;
      case 'produce':
        produce(node, socket, request);
    }
  };

  const startNode = async (id: 1 | 2): Promise<Node> => {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {}); // the client went away, as the scripts make it do
      onFrames(socket, (bytes) => {
        if (!vanished.has(id)) handle(id, socket, parseRequest(bytes));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { id, server, port: (server.address() as AddressInfo).port }; // listening on TCP: never a path
  };
  const nodes = await Promise.all([startNode(1), startNode(2)]);

  return {
    topic,
    bootstrap: nodes.map(({ port }) => `127.0.0.1:${port}`),
    log: logOf,
    script: (...faults) => void script.push(...faults),
    always: (fault) => {
      constant = fault;
    },
    release: () => {
      const due = held;
      held = [];
      due.forEach((process) => process());
    },
    moveLeader: (partition, node) => {
      leaders[partition] = node;
    },
    vanish: (node) => void vanished.add(node),
    initProducerId: (answer) => {
      answersInit = answer;
    },
    get produceRequests() {
      return produceRequests;
    },
    get connections() {
      return sockets.size;
    },
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      await Promise.all(nodes.map(({ server }) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** Cuts the stream into requests, each behind its length. */
function onFrames(socket: Socket, take: (bytes: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4) {
      const end = 4 + rest.readInt32BE(0);
      if (rest.length < end) return;
      const bytes = rest.subarray(4, end);
      rest = rest.subarray(end);
      take(bytes);
    }
  });
}
