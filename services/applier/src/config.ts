import {
  combineSettings,
  defineSettings,
  duration,
  integer,
  logSettings,
  objectStoreSettings,
  serverSettings,
  text,
  type SettingsOf,
} from '@entdb/config';

/** What an applier is told, beside the log, the object store and its servers. */
export const applierSettings = combineSettings(
  combineSettings(combineSettings(logSettings, objectStoreSettings), serverSettings),
  defineSettings(
    {
      shard: integer(
        { min: 0, max: 9_999 },
        {
          env: 'ENTDB_SHARD',
          default: '0',
          sentence:
            'Which shard this applier owns: the partitions whose number modulo ENTDB_SHARDS is this.',
          example: '1',
        },
      ),
      shards: integer(
        { min: 1, max: 10_000 },
        {
          env: 'ENTDB_SHARDS',
          default: '1',
          sentence: 'How many shards the tenants are spread over.',
          example: '4',
        },
      ),
      advertisedAddress: text({
        env: 'ENTDB_ADVERTISED_ADDRESS',
        optional: true,
        sentence:
          'The base URL under which clients reach this applier; absent for http:// and its own host and port.',
        example: 'http://applier-0.applier:7401',
      }),
      storeDir: text({
        env: 'ENTDB_STORE_DIR',
        optional: true,
        sentence:
          'The folder of the tenant files; absent for the subfolder store of ENTDB_DATA_DIR.',
        example: '/var/lib/entdb/store',
      }),
      openTenantsMax: integer(
        { min: 1, max: 100_000 },
        {
          env: 'ENTDB_OPEN_TENANTS_MAX',
          default: '500',
          sentence:
            'Tenants whose files each thread keeps open; one costs three file descriptors and about 200 KB.',
          example: '2000',
        },
      ),
      readerThreads: integer(
        { min: 1, max: 64 },
        {
          env: 'ENTDB_READER_THREADS',
          default: '2',
          sentence: 'Threads that answer reads.',
          example: '4',
        },
      ),
      checkpointIntervalMs: duration(
        { minMs: 100, maxMs: 3_600_000 },
        {
          env: 'ENTDB_CHECKPOINT_INTERVAL',
          default: '5s',
          sentence:
            'How often changed files are synced; after a power loss at most so much of the log is applied again.',
          example: '30s',
        },
      ),
      statusIntervalMs: duration(
        { minMs: 50, maxMs: 60_000 },
        {
          env: 'ENTDB_STATUS_INTERVAL',
          default: '1s',
          sentence: 'How often this applier tells the fleet how far it is.',
          example: '2s',
        },
      ),
      digestIntervalMs: duration(
        { minMs: 50, maxMs: 86_400_000 },
        {
          env: 'ENTDB_DIGEST_INTERVAL',
          default: '60s',
          sentence:
            'How often this applier publishes the digests of one tenant that changes, at the most; each time costs some 350 bytes on entdb-status, where they are kept for a day.',
          example: '10m',
        },
      ),
      healParallel: integer(
        { min: 1, max: 64 },
        {
          env: 'ENTDB_HEAL_PARALLEL',
          default: '2',
          sentence:
            'Tenants whose files are made from the object store at the same time, where the log no longer has what they need.',
          example: '4',
        },
      ),
      watchersMax: integer(
        { min: 0, max: 100_000 },
        {
          env: 'ENTDB_WATCHERS_MAX',
          default: '256',
          sentence: 'Watch streams at the same time.',
          example: '1000',
        },
      ),
    },
    (values) =>
      values.shard >= values.shards
        ? `ENTDB_SHARD is ${values.shard}; it must be below ENTDB_SHARDS, which is ${values.shards}`
        : undefined,
  ),
);

export type ApplierSettings = SettingsOf<typeof applierSettings>;
