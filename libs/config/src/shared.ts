/** Settings that several services read: the log they write and follow, the objects they keep, and the servers they open. */
import {
  boolean,
  byteSize,
  constant,
  duration,
  hostPorts,
  integer,
  oneOf,
  port,
  text,
} from './kinds.ts';
import { defineSettings, type SettingsOf } from './settings.ts';

const dataDir = text({
  env: 'ENTDB_DATA_DIR',
  default: '.entdb',
  sentence:
    'The folder of everything that is kept on disk; the embedded log is its subfolder log, and objects without S3 are in objects.',
  example: '/var/lib/entdb',
});

/** The log: embedded or Kafka, and what its topics must be. */
export const logSettings = defineSettings(
  {
    log: oneOf(['embedded', 'kafka'], {
      env: 'ENTDB_LOG',
      default: 'embedded',
      sentence: 'Where the log lives: in files of this machine, or in Kafka.',
      example: 'kafka',
    }),
    dataDir,
    kafkaBrokers: hostPorts({
      env: 'ENTDB_KAFKA_BROKERS',
      optional: true,
      sentence:
        'The brokers to start from; the others are found through them. Needed with ENTDB_LOG=kafka.',
      example: 'kafka-0:9092,kafka-1:9092,kafka-2:9092',
    }),
    kafkaAcks: constant('all', 'an acknowledged write must be on every replica in sync', {
      env: 'ENTDB_KAFKA_ACKS',
      default: 'all',
      sentence: 'Which replicas must have a record before it counts as written.',
      example: 'all',
    }),
    kafkaEnableIdempotence: constant('true', 'without it a retry can write a record twice', {
      env: 'ENTDB_KAFKA_ENABLE_IDEMPOTENCE',
      default: 'true',
      sentence: 'Whether the brokers drop a record that was sent twice.',
      example: 'true',
    }),
    kafkaSsl: boolean({
      env: 'ENTDB_KAFKA_SSL',
      default: 'false',
      sentence: 'Whether to speak TLS to the brokers.',
      example: 'true',
    }),
    kafkaSaslMechanism: oneOf(['plain', 'scram-sha-256', 'scram-sha-512'], {
      env: 'ENTDB_KAFKA_SASL_MECHANISM',
      optional: true,
      sentence: 'How to log in to the brokers; absent for no login.',
      example: 'scram-sha-512',
    }),
    kafkaSaslUsername: text({
      env: 'ENTDB_KAFKA_SASL_USERNAME',
      optional: true,
      sentence: 'The user name for the brokers.',
      example: 'entdb',
    }),
    kafkaSaslPassword: text({
      env: 'ENTDB_KAFKA_SASL_PASSWORD',
      optional: true,
      sentence: 'The password for the brokers.',
      example: 'a-password',
      secret: true,
    }),
    walPartitions: integer(
      { min: 1, max: 10_000 },
      {
        env: 'ENTDB_WAL_PARTITIONS',
        default: '8',
        sentence:
          'Partitions of the write-ahead log. It is fixed when the topic is made: another number would move tenants.',
        example: '32',
      },
    ),
    walReplicationFactor: integer(
      { min: 1, max: 32 },
      {
        env: 'ENTDB_WAL_REPLICATION_FACTOR',
        default: '3',
        sentence:
          'On how many brokers each record is kept. The embedded log has one copy by nature.',
        example: '3',
      },
    ),
    walMinInsyncReplicas: integer(
      { min: 1, max: 32 },
      {
        env: 'ENTDB_WAL_MIN_INSYNC_REPLICAS',
        default: '2',
        sentence:
          'How many brokers must have a record before it is acknowledged. The embedded log has one copy by nature.',
        example: '2',
      },
    ),
    walRetentionHours: integer(
      { min: 1, max: 87_600, unit: 'hours' },
      {
        env: 'ENTDB_WAL_RETENTION_HOURS',
        default: '168',
        sentence: 'How long the log keeps a record; the archive is what keeps it for longer.',
        example: '336',
      },
    ),
    allowUnsafeTopic: boolean({
      env: 'ENTDB_ALLOW_UNSAFE_TOPIC',
      default: 'false',
      sentence:
        'Run on topics whose settings can lose acknowledged writes. For a laptop with one broker, never for data.',
      example: 'true',
    }),
  },
  (values) =>
    values.log === 'kafka' && values.kafkaBrokers === undefined
      ? 'ENTDB_KAFKA_BROKERS is not set and ENTDB_LOG is kafka; for example ENTDB_KAFKA_BROKERS=kafka-0:9092,kafka-1:9092'
      : undefined,
  (values) =>
    values.kafkaSaslMechanism !== undefined &&
    (values.kafkaSaslUsername === undefined || values.kafkaSaslPassword === undefined)
      ? 'ENTDB_KAFKA_SASL_MECHANISM is set, so ENTDB_KAFKA_SASL_USERNAME and ENTDB_KAFKA_SASL_PASSWORD must be set too'
      : undefined,
  (values) =>
    values.walMinInsyncReplicas > values.walReplicationFactor
      ? `ENTDB_WAL_MIN_INSYNC_REPLICAS is ${values.walMinInsyncReplicas}, more than ENTDB_WAL_REPLICATION_FACTOR (${values.walReplicationFactor}): no write could ever be acknowledged`
      : undefined,
);

export type LogSettings = SettingsOf<typeof logSettings>;

/** Where archive and snapshots are kept: in a folder or in S3. */
export const objectStoreSettings = defineSettings(
  {
    objectStore: oneOf(['directory', 's3'], {
      env: 'ENTDB_OBJECT_STORE',
      default: 'directory',
      sentence: 'Where archive and snapshots are kept: in a folder of this machine, or in S3.',
      example: 's3',
    }),
    dataDir,
    s3Bucket: text({
      env: 'ENTDB_S3_BUCKET',
      optional: true,
      pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      rule: '3 to 63 lower-case letters, digits, dots or dashes',
      sentence: 'The bucket. Needed with ENTDB_OBJECT_STORE=s3; it must be there.',
      example: 'acme-entdb',
    }),
    s3Endpoint: text({
      env: 'ENTDB_S3_ENDPOINT',
      optional: true,
      pattern: /^https?:\/\/[^/?#]+\/?$/,
      rule: 'the URL of a server, without a path',
      sentence: 'The S3 server, when it is not AWS; its buckets are addressed by path.',
      example: 'https://s3.example.com',
    }),
    s3Region: text({
      env: 'ENTDB_S3_REGION',
      optional: true,
      sentence:
        'The region of the bucket; absent for the one of the surroundings (AWS_REGION), or us-east-1 with an endpoint.',
      example: 'eu-central-1',
    }),
    s3AccessKeyId: text({
      env: 'ENTDB_S3_ACCESS_KEY_ID',
      optional: true,
      sentence:
        'The access key; absent for the credentials of the surroundings (role of the pod or machine, AWS_ variables, profile).',
      example: 'AKIAIOSFODNN7EXAMPLE',
    }),
    s3SecretAccessKey: text({
      env: 'ENTDB_S3_SECRET_ACCESS_KEY',
      optional: true,
      sentence: 'The secret of the access key.',
      example: 'a-secret',
      secret: true,
    }),
    s3Prefix: text({
      env: 'ENTDB_S3_PREFIX',
      optional: true,
      pattern: /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
      rule: 'names of letters, digits, dots, dashes and underscores, with / between them',
      sentence: 'The folder in the bucket, for several fleets in one; absent for the whole bucket.',
      example: 'production/entdb',
    }),
    s3AllowNoConditionalCreate: boolean({
      env: 'ENTDB_S3_ALLOW_NO_CONDITIONAL_CREATE',
      default: 'false',
      sentence:
        'Make do with a server that ignores If-None-Match, by looking first and reading back. Of two archivers at the same moment both may then believe that they were first.',
      example: 'true',
    }),
  },
  (values) =>
    values.objectStore === 's3' && values.s3Bucket === undefined
      ? 'ENTDB_S3_BUCKET is not set and ENTDB_OBJECT_STORE is s3; for example ENTDB_S3_BUCKET=acme-entdb'
      : undefined,
  (values) =>
    (values.s3AccessKeyId === undefined) !== (values.s3SecretAccessKey === undefined)
      ? 'ENTDB_S3_ACCESS_KEY_ID and ENTDB_S3_SECRET_ACCESS_KEY belong together: set both, or none for the credentials of the surroundings'
      : undefined,
);

export type ObjectStoreSettings = SettingsOf<typeof objectStoreSettings>;

/** The servers of a process, its voice and its end. */
export const serverSettings = defineSettings({
  host: text({
    env: 'ENTDB_RPC_HOST',
    default: '127.0.0.1',
    sentence:
      'The address that the servers listen on. The default is reached from this machine only, because there is no login in front of it; containers set 0.0.0.0.',
    example: '0.0.0.0',
  }),
  rpcPort: port({
    env: 'ENTDB_RPC_PORT',
    default: '7070',
    sentence:
      'The port of the RPC server (gRPC, gRPC-Web and Connect, HTTP/1.1 and HTTP/2); 0 lets the system choose.',
    example: '7070',
  }),
  httpPort: port({
    env: 'ENTDB_HTTP_PORT',
    default: '8080',
    sentence: 'The port of /health, /livez, /readyz and /metrics; 0 lets the system choose.',
    example: '8080',
  }),
  instance: text({
    env: 'ENTDB_INSTANCE',
    optional: true,
    pattern: /^[A-Za-z0-9._-]{1,128}$/,
    rule: '1 to 128 letters, digits, dots, dashes or underscores',
    sentence: 'The name of this process in logs; absent for one made of host name and process id.',
    example: 'gateway-0',
  }),
  logLevel: oneOf(['debug', 'info', 'warn', 'error'], {
    env: 'ENTDB_LOG_LEVEL',
    default: 'info',
    sentence: 'The least important line that is logged.',
    example: 'debug',
  }),
  logFormat: oneOf(['json', 'pretty'], {
    env: 'ENTDB_LOG_FORMAT',
    default: 'json',
    sentence: 'One JSON object a line for machines, or short lines for a person at a terminal.',
    example: 'pretty',
  }),
  rpcReadMax: byteSize(
    { min: 1024, max: 1024 ** 3 },
    {
      env: 'ENTDB_RPC_READ_MAX',
      default: '4MiB',
      sentence: 'The largest request message taken.',
      example: '8MiB',
    },
  ),
  rpcWriteMax: byteSize(
    { min: 1024, max: 1024 ** 3 },
    {
      env: 'ENTDB_RPC_WRITE_MAX',
      default: '4MiB',
      sentence:
        'The largest response message given; gRPC clients refuse more than 4 MiB unless told otherwise.',
      example: '8MiB',
    },
  ),
  rpcInFlightMax: integer(
    { min: 1, max: 1_000_000, unit: 'calls' },
    {
      env: 'ENTDB_RPC_IN_FLIGHT_MAX',
      default: '4096',
      sentence:
        'Calls at work at the same time; one more is refused at once with RESOURCE_EXHAUSTED.',
      example: '1024',
    },
  ),
  rpcDeadlineDefaultMs: duration(
    { minMs: 1 },
    {
      env: 'ENTDB_RPC_DEADLINE_DEFAULT',
      default: '30s',
      sentence: 'The deadline of a unary call that names none.',
      example: '10s',
    },
  ),
  rpcDeadlineMaxMs: duration(
    { minMs: 1 },
    {
      env: 'ENTDB_RPC_DEADLINE_MAX',
      default: '5m',
      sentence: 'The longest deadline that a unary call may name.',
      example: '1m',
    },
  ),
  rpcStreamDeadlineMaxMs: duration(
    { minMs: 1 },
    {
      env: 'ENTDB_RPC_STREAM_DEADLINE_MAX',
      default: '24h',
      sentence: 'The longest life of a stream, and the life of one that names no deadline.',
      example: '1h',
    },
  ),
  drainWaitMs: duration(
    { maxMs: 600_000 },
    {
      env: 'ENTDB_DRAIN_WAIT',
      default: '500ms',
      sentence:
        'How long a stopping process goes on taking calls after /readyz said no, so that load balancers notice.',
      example: '5s',
    },
  ),
  drainGraceMs: duration(
    { maxMs: 3_600_000 },
    {
      env: 'ENTDB_DRAIN_GRACE',
      default: '10s',
      sentence: 'How long calls in flight may take to finish before they are told to stop.',
      example: '30s',
    },
  ),
  exitWithParent: boolean({
    env: 'ENTDB_EXIT_WITH_PARENT',
    default: 'false',
    sentence:
      'Stop when standard input closes, so that a process started by a local launcher does not outlive it.',
    example: 'true',
  }),
});

export type ServerSettings = SettingsOf<typeof serverSettings>;
