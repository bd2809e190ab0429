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
  type SettingsOf,
} from '@entdb/config';

/** What an archiver is told, beside the log, the object store and its servers. */
export const archiverSettings = combineSettings(
  combineSettings(combineSettings(logSettings, objectStoreSettings), serverSettings),
  defineSettings(
    {
      enabled: boolean({
        env: 'ENTDB_ARCHIVE_ENABLED',
        default: 'true',
        sentence:
          'Whether the log is archived. Turned off, the archiver does nothing, and health and status say so: what the log forgets is then kept by the appliers alone.',
        example: 'false',
      }),
      index: integer(
        { min: 0, max: 9_999 },
        {
          env: 'ENTDB_ARCHIVER_INDEX',
          default: '0',
          sentence:
            'Which archiver this is: it archives the partitions whose number modulo ENTDB_ARCHIVERS is this.',
          example: '1',
        },
      ),
      archivers: integer(
        { min: 1, max: 10_000 },
        {
          env: 'ENTDB_ARCHIVERS',
          default: '1',
          sentence: 'How many archivers share the partitions.',
          example: '4',
        },
      ),
      segmentBytes: byteSize(
        { min: 1024, max: 32 * 1024 ** 2 },
        {
          env: 'ENTDB_ARCHIVE_SEGMENT_BYTES',
          default: '8MiB',
          sentence: 'A segment of a tenant is cut at so many bytes of lines, before compression.',
          example: '16MiB',
        },
      ),
      ageMsMax: duration(
        { minMs: 10, maxMs: 86_400_000 },
        {
          env: 'ENTDB_ARCHIVE_MAX_AGE',
          default: '60s',
          sentence:
            'A segment is cut at the latest when its oldest record has waited so long: what a lost log can cost at the most.',
          example: '5m',
        },
      ),
      idleMs: duration(
        { minMs: 10, maxMs: 86_400_000 },
        {
          env: 'ENTDB_ARCHIVE_IDLE',
          default: '10s',
          sentence: 'A segment is cut when its tenant has had no new record for so long.',
          example: '30s',
        },
      ),
      bufferBytesMax: byteSize(
        { min: 1024 ** 2, max: 64 * 1024 ** 3 },
        {
          env: 'ENTDB_ARCHIVE_BUFFER_BYTES_MAX',
          default: '256MiB',
          sentence:
            'Records in memory that are not in the archive, of all tenants; beyond it the largest are cut early, and reading waits.',
          example: '1GiB',
        },
      ),
      parallel: integer(
        { min: 1, max: 64 },
        {
          env: 'ENTDB_ARCHIVE_PARALLEL',
          default: '4',
          sentence: 'Tenants that are looked up or written at the same time.',
          example: '8',
        },
      ),
      threads: integer(
        { min: 1, max: 64 },
        {
          env: 'ENTDB_ARCHIVE_THREADS',
          default: '2',
          sentence: 'Threads that make the lines of segments; compression has threads of its own.',
          example: '4',
        },
      ),
      statusIntervalMs: duration(
        { minMs: 10, maxMs: 60_000 },
        {
          env: 'ENTDB_STATUS_INTERVAL',
          default: '1s',
          sentence: 'How often this archiver tells the fleet how far it is, and sets its mark.',
          example: '2s',
        },
      ),
    },
    (values) =>
      values.index >= values.archivers
        ? `ENTDB_ARCHIVER_INDEX is ${values.index}; it must be below ENTDB_ARCHIVERS, which is ${values.archivers}`
        : undefined,
  ),
);

export type ArchiverSettings = SettingsOf<typeof archiverSettings>;
