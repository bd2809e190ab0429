import {
  boolean,
  combineSettings,
  defineSettings,
  duration,
  integer,
  text,
  type SettingsOf,
} from '@entdb/config';
import { recoverySettings } from '@entdb/restore';

/** A restore as a job whose flags are its environment. The names follow the flags of `entdb restore`. */
export const restoreJobSettings = combineSettings(
  recoverySettings,
  defineSettings(
    {
      tenants: text({
        env: 'ENTDB_RESTORE_TENANTS',
        pattern: /^[A-Za-z0-9_-]{1,128}(,[A-Za-z0-9_-]{1,128})*$/,
        rule: 'tenant ids with commas between them',
        sentence: 'Who is restored.',
        example: 'tenant_123,tenant_456',
      }),
      outputDir: text({
        env: 'ENTDB_RESTORE_OUTPUT_DIR',
        sentence: 'Where to: each tenant in a subfolder of its own.',
        example: '/var/lib/entdb/restored',
      }),
      targetTime: text({
        env: 'ENTDB_RESTORE_TARGET_TIME',
        optional: true,
        sentence: 'An ISO time with its zone. One of the five targets must be set.',
        example: '2026-01-15T14:30:00Z',
      }),
      targetPosition: text({
        env: 'ENTDB_RESTORE_TARGET_POSITION',
        optional: true,
        sentence: 'An offset of the tenant’s partition.',
        example: '12345',
      }),
      targetSequence: text({
        env: 'ENTDB_RESTORE_TARGET_SEQUENCE',
        optional: true,
        sentence: 'The number of a record of the tenant; the first is 1.',
        example: '1200',
      }),
      targetKey: text({
        env: 'ENTDB_RESTORE_TARGET_KEY',
        optional: true,
        sentence: 'The idempotency key of a transaction.',
        example: 'order-1234',
      }),
      latest: boolean({
        env: 'ENTDB_RESTORE_LATEST',
        default: 'false',
        sentence: 'Everything that can be had.',
        example: 'true',
      }),
      exclusive: boolean({
        env: 'ENTDB_RESTORE_EXCLUSIVE',
        default: 'false',
        sentence: 'What the target names does not belong to it any more.',
        example: 'true',
      }),
      fromScratch: boolean({
        env: 'ENTDB_RESTORE_FROM_SCRATCH',
        default: 'false',
        sentence: 'Use no snapshot, but the archive from its first record.',
        example: 'true',
      }),
      archiveOnly: boolean({
        env: 'ENTDB_RESTORE_ARCHIVE_ONLY',
        default: 'false',
        sentence:
          'Do not ask the log. Where the archive ends before the target, stop there, with exit code 5.',
        example: 'true',
      }),
      acceptIncomplete: boolean({
        env: 'ENTDB_RESTORE_ACCEPT_INCOMPLETE',
        default: 'false',
        sentence:
          'End with 0 where the archive ends before it is known that nothing more belongs to the target.',
        example: 'true',
      }),
      parallel: integer(
        { min: 1, max: 64 },
        {
          env: 'ENTDB_RESTORE_PARALLEL',
          default: '2',
          sentence: 'Tenants that are restored at the same time.',
          example: '4',
        },
      ),
      force: boolean({
        env: 'ENTDB_RESTORE_FORCE',
        default: 'false',
        sentence: 'Replace what is in the tenant’s folder.',
        example: 'true',
      }),
      delta: boolean({
        env: 'ENTDB_RESTORE_DELTA',
        default: 'false',
        sentence:
          'With ENTDB_RESTORE_FORCE: fetch only what the files that are there do not have, where something proves them.',
        example: 'true',
      }),
      inPlace: boolean({
        env: 'ENTDB_RESTORE_IN_PLACE',
        default: 'false',
        sentence:
          'Make the live tenant again what it was, through the log, instead of files: for all its users, in a new epoch. The output folder is then for scratch copies.',
        example: 'true',
      }),
      confirmTenant: text({
        env: 'ENTDB_RESTORE_CONFIRM_TENANT',
        optional: true,
        sentence:
          'For a restore in place: the tenant once more, so that no slip of a template changes a live tenant.',
        example: 'tenant_123',
      }),
      key: text({
        env: 'ENTDB_RESTORE_KEY',
        optional: true,
        sentence:
          'For a restore in place: its idempotency key. A job that is started again with it restores once.',
        example: 'incident-4711',
      }),
      verdictWaitMs: duration(
        { minMs: 1_000, maxMs: 3_600_000 },
        {
          env: 'ENTDB_RESTORE_VERDICT_WAIT',
          default: '60s',
          sentence: 'For a restore in place: how long the verdict of the appliers is waited for.',
          example: '10m',
        },
      ),
    },
    (values) =>
      values.delta && !values.force
        ? 'ENTDB_RESTORE_DELTA goes on from files that are there: set ENTDB_RESTORE_FORCE as well'
        : undefined,
    (values) => {
      if (!values.inPlace) return undefined;
      if (values.confirmTenant !== values.tenants)
        return 'ENTDB_RESTORE_IN_PLACE is for one tenant: ENTDB_RESTORE_CONFIRM_TENANT must name the one of ENTDB_RESTORE_TENANTS';
      return values.key === undefined
        ? 'ENTDB_RESTORE_IN_PLACE needs ENTDB_RESTORE_KEY: a job that is started again would restore twice'
        : undefined;
    },
  ),
);
export type RestoreJobSettings = SettingsOf<typeof restoreJobSettings>;
