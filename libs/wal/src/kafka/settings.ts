import type { ConnectionOptions } from 'node:tls';
import {
  EntError,
  realClock,
  realRng,
  silentLogger,
  type Clock,
  type Logger,
  type Rng,
} from '@entdb/base';

/** How a client proves who it is. */
export type KafkaSasl = SaslBy<'plain'> | SaslBy<'scram-sha-256'> | SaslBy<'scram-sha-512'>;

interface SaslBy<Mechanism extends string> {
  readonly mechanism: Mechanism;
  readonly username: string;
  readonly password: string;
}

/**
 * Times, in milliseconds. The defaults are for real clusters and each has its reason; tests shorten them.
 */
export interface KafkaTiming {
  /** To open one connection. */
  readonly connectionTimeoutMs: number;
  /** What the broker may take for replication before it answers REQUEST_TIMED_OUT. Below `requestTimeoutMs`. */
  readonly ackTimeoutMs: number;
  /** Without an answer for so long, the broker is taken to be gone and its connections are dropped. */
  readonly requestTimeoutMs: number;
  /** After so long, leaders are looked up again even though nothing failed. */
  readonly metadataAgeMaxMs: number;
  /** First and longest pause between two tries of one request. */
  readonly retryInitialMs: number;
  readonly retryMaxMs: number;
  /** Tries of one request. A crashed broker is declared dead after 9 s only, so it takes more than kafkajs's five. */
  readonly retries: number;
  /** For the whole of one append, retries included; afterwards its outcome is unknown. */
  readonly appendDeadlineMs: number;
  /** For opening a lane, and for each administrative call. */
  readonly callDeadlineMs: number;
  /** For saying goodbye; afterwards the sockets are cut. */
  readonly closeWaitMs: number;
  /** How long a fetch waits at the broker. Also what a reader needs to notice that it has to stop. */
  readonly fetchWaitMs: number;
  /** What the other partitions of a broker wait for a slow batch before they are read on without it. */
  readonly handOffMs: number;
  /** How often a reader compares its positions with the bounds of the log. */
  readonly positionCheckMs: number;
}

export const defaultKafkaTiming: KafkaTiming = {
  connectionTimeoutMs: 3_000,
  ackTimeoutMs: 5_000,
  requestTimeoutMs: 7_000,
  metadataAgeMaxMs: 5_000,
  retryInitialMs: 100,
  retryMaxMs: 1_000,
  retries: 40,
  appendDeadlineMs: 60_000,
  callDeadlineMs: 20_000,
  closeWaitMs: 5_000,
  fetchWaitMs: 250,
  handOffMs: 100,
  positionCheckMs: 30_000,
};

export interface KafkaSettings {
  /** `host:port` of some brokers; the others are learnt from them. No IPv6 literals: kafkajs splits at the first colon. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  /** Groups of readers are named `<prefix><random>`: grant Read on the prefix. */
  readonly groupPrefix?: string;
  readonly tls?: ConnectionOptions;
  readonly sasl?: KafkaSasl;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly rng?: Rng;
  readonly timing?: Partial<KafkaTiming>;
}

/** The settings with every default filled in. */
export interface KafkaConfig {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly groupPrefix: string;
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: KafkaSasl | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timing: KafkaTiming;
}

/** Throws INVALID_SETTING for an address list that kafkajs would misread. */
export function parseKafkaSettings(settings: KafkaSettings): KafkaConfig {
  if (settings.brokers.length === 0) throw invalidBrokers('it names no broker');
  settings.brokers.forEach(assertAddress);
  return {
    brokers: settings.brokers,
    clientId: settings.clientId ?? 'entdb',
    groupPrefix: settings.groupPrefix ?? 'entdb-reader-',
    tls: settings.tls,
    sasl: settings.sasl,
    logger: settings.logger ?? silentLogger,
    clock: settings.clock ?? realClock,
    rng: settings.rng ?? realRng,
    timing: { ...defaultKafkaTiming, ...settings.timing },
  };
}

function assertAddress(address: string): void {
  const parts = address.split(':');
  if (parts.length > 2) {
    throw invalidBrokers(
      `${JSON.stringify(address)} looks like an IPv6 literal, which the Kafka client cannot read: use a host name`,
    );
  }
  const [host = '', port = ''] = parts;
  if (
    !/^[A-Za-z0-9._-]+$/.test(host) ||
    !/^\d{1,5}$/.test(port) ||
    Number(port) < 1 ||
    Number(port) > 65_535
  ) {
    throw invalidBrokers(`${JSON.stringify(address)} is not host:port`);
  }
}

const invalidBrokers = (problem: string) =>
  new EntError('INVALID_SETTING', `the list of Kafka brokers is not valid: ${problem}`, {
    field: 'ENTDB_KAFKA_BROKERS',
    hint: 'give host:port,host:port',
  });
