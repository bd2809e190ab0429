import { createKafkaWal } from './kafka-wal.ts';
import { defaultKafkaTiming } from './settings.ts';

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('settings', () => {
  it.each([
    ['an IPv6 literal, which kafkajs would cut at its first colon', '[::1]:9092'],
    ['a bare IPv6 literal', '::1'],
    ['a missing port', 'kafka'],
    ['a port out of range', 'kafka:70000'],
    ['a URL', 'tcp://kafka:9092'],
    ['nothing', ''],
  ])('refuse %s', (_what, address) => {
    expect(thrownBy(() => createKafkaWal({ brokers: ['kafka-0:9092', address] }))).toMatchObject({
      code: 'INVALID_SETTING',
      facts: { field: 'ENTDB_KAFKA_BROKERS' },
    });
  });

  it('refuse an empty list', () => {
    expect(thrownBy(() => createKafkaWal({ brokers: [] }))).toMatchObject({
      code: 'INVALID_SETTING',
    });
  });

  it.each([['plain'], ['scram-sha-256'], ['scram-sha-512']] as const)(
    'take TLS and %s',
    async (mechanism) => {
      const wal = createKafkaWal({
        brokers: ['kafka-0.kafka:9093', '10.0.0.1:9093'],
        tls: { rejectUnauthorized: true },
        sasl: { mechanism, username: 'entdb', password: 'secret' },
      });
      expect(wal.kind).toBe('kafka');
      await wal.close();
    },
  );

  it('let the broker give up before the client does, and try for longer than a crashed broker stays in office', () => {
    const { ackTimeoutMs, requestTimeoutMs, retries, retryMaxMs, appendDeadlineMs } =
      defaultKafkaTiming;
    const crashedBrokerMs = 9_000; // broker.session.timeout.ms
    expect(ackTimeoutMs).toBeLessThan(requestTimeoutMs);
    expect(retries * retryMaxMs).toBeGreaterThan(2 * crashedBrokerMs);
    expect(appendDeadlineMs).toBeGreaterThan(2 * crashedBrokerMs);
  });
});
