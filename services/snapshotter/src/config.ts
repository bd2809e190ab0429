import {
  boolean,
  byteSize,
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

/** What a snapshotter is told, beside the object store, the log on which the fleet speaks, and its servers. */
export const snapshotterSettings = combineSettings(
  combineSettings(combineSettings(logSettings, objectStoreSettings), serverSettings),
  defineSettings({
    enabled: boolean({
      env: 'ENTDB_SNAPSHOT_ENABLED',
      default: 'true',
      sentence:
        'Whether snapshots are made and retention is applied. Turned off, the snapshotter does nothing, and health says so: a restore then replays all of the archive, and the archive grows for ever.',
      example: 'false',
    }),
    intervalMs: duration(
      { minMs: 100 },
      {
        env: 'ENTDB_SNAPSHOT_INTERVAL',
        default: '6h',
        sentence:
          'A snapshot of a tenant is due when its oldest archived record that is in none is so old.',
        example: '1h',
      },
    ),
    recordsMax: integer(
      { min: 1, max: 1_000_000_000 },
      {
        env: 'ENTDB_SNAPSHOT_RECORDS',
        default: '100000',
        sentence:
          'A snapshot of a tenant is due when so many archived records are in none, however young they are.',
        example: '1000000',
      },
    ),
    pollMs: duration(
      { minMs: 10, maxMs: 86_400_000 },
      {
        env: 'ENTDB_SNAPSHOT_POLL',
        default: '60s',
        sentence:
          'How often the object store is looked through for tenants that are due: two listings a tenant.',
        example: '5m',
      },
    ),
    parallel: integer(
      { min: 1, max: 64 },
      {
        env: 'ENTDB_SNAPSHOT_PARALLEL',
        default: '2',
        sentence:
          'Tenants of which a snapshot is made at the same time, each on a thread of its own.',
        example: '4',
      },
    ),
    cacheDir: text({
      env: 'ENTDB_SNAPSHOT_CACHE_DIR',
      optional: true,
      sentence:
        'The folder of the working copies between snapshots, of this process alone; absent for snapshotter in ENTDB_DATA_DIR. It can be lost at any time: that costs a download.',
      example: '/var/cache/entdb',
    }),
    cacheBytesMax: byteSize(
      { min: 0, max: 1024 ** 5 },
      {
        env: 'ENTDB_SNAPSHOT_CACHE_BYTES_MAX',
        default: '10GiB',
        sentence:
          'How large the working copies together may be; beyond it those go that were not used for the longest. Tenants at work come on top, three times their size.',
        example: '100GiB',
      },
    ),
    retentionDays: integer(
      { min: 1, max: 36_500, unit: 'days' },
      {
        env: 'ENTDB_RETENTION_DAYS',
        default: '90',
        sentence:
          'Every time of so many days can be restored. What is older goes, but for the newest snapshot before them, protected snapshots, and what a running restore uses.',
        example: '365',
      },
    ),
    statusIntervalMs: duration(
      { minMs: 10, maxMs: 60_000 },
      {
        env: 'ENTDB_STATUS_INTERVAL',
        default: '1s',
        sentence: 'How often this snapshotter tells the fleet how it is.',
        example: '2s',
      },
    ),
    retentionDryRun: boolean({
      env: 'ENTDB_RETENTION_DRY_RUN',
      default: 'false',
      sentence: 'Say once a day what retention would remove, and remove nothing.',
      example: 'true',
    }),
  }),
);

export type SnapshotterSettings = SettingsOf<typeof snapshotterSettings>;
