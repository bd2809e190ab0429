import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Logger } from '@entdb/base';
import kafkajs, {
  type ISocketFactory,
  type Kafka as KafkaClass,
  type LogEntry,
  type RetryOptions,
} from 'kafkajs';
import type { KafkaConfig } from './settings.ts';

const { Kafka, logLevel } = kafkajs;

const keepAliveMs = 10_000;

/**
 * A kafkajs client whose sockets are ours. kafkajs itself offers no way to be stopped: a retry that is under way when
 * `disconnect` is called connects again and goes on. After `cut` nothing of this client is left but a timer of at most one
 * retry pause, and no byte is sent any more.
 */
export interface KafkaClient {
  readonly kafka: KafkaClass;
  readonly retry: RetryOptions;
  /**
   * Drops the connections to one broker (`host:port`), after it has left a request unanswered. kafkajs would keep them and
   * send every retry there, also when another broker leads by now.
   */
  readonly drop: (address: string) => void;
  /** Ends all connections, refuses new ones, and makes pending calls fail. Safe to call twice. */
  readonly cut: () => void;
}

export function openClient(config: KafkaConfig): KafkaClient {
  const { timing } = config;
  const sockets = new Map<Socket, string>();
  let open = true;

  const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (!open) throw new Error('the client is closed');
    const secure = config.tls !== undefined;
    const socket = secure
      ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect);
    socket.setNoDelay(true); // kafkajs never does, and a lane waits for each answer: 25 % of its rate
    socket.setKeepAlive(true, keepAliveMs);
    sockets.set(socket, `${host}:${port}`);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };

  /** As an error, because kafkajs listens to `error` and `end` only: then what is in flight fails now, not at its timeout. */
  const destroy = (socket: Socket, reason: string) => socket.destroy(new Error(reason));

  // Always explicit: kafkajs has other defaults when NODE_ENV is "test".
  const retry: RetryOptions = {
    initialRetryTime: timing.retryInitialMs,
    maxRetryTime: timing.retryMaxMs,
    retries: timing.retries,
  };

  const kafka = new Kafka({
    clientId: config.clientId,
    // An empty list is an error that kafkajs does not retry: that is what ends its loops after `cut`.
    brokers: () => (open ? [...config.brokers] : []),
    connectionTimeout: timing.connectionTimeoutMs,
    requestTimeout: timing.requestTimeoutMs,
    retry,
    socketFactory,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => {
      if (open) passOn(entry, config.logger);
    },
    ...(config.tls ? { ssl: config.tls } : {}),
    ...(config.sasl ? { sasl: config.sasl } : {}),
  });

  return {
    kafka,
    retry,
    drop: (address) => {
      for (const [socket, peer] of sockets) {
        if (peer === address) destroy(socket, `${address} left a request unanswered`);
      }
    },
    cut: () => {
      open = false;
      for (const socket of sockets.keys()) destroy(socket, 'the client is closed');
    },
  };
}

/** One step down: what kafkajs calls an error it retries by itself, and what it cannot mend reaches the caller as an error. */
function passOn({ namespace, level, log }: LogEntry, logger: Logger): void {
  const { message, timestamp: _, ...facts } = log;
  const fields = { ...facts, source: `kafkajs/${namespace}` };
  if (level <= logLevel.ERROR) logger.warn(fields, message);
  else logger.debug(fields, message);
}
