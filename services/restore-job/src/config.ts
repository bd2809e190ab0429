import {
  boolean,
  combineSettings,
  defineSettings,
  integer,
  text,
  type SettingsOf,
} from '@entdb/config';
import { recoverySettings } from '@entdb/restore';

/** A restore as a job whose flags are its environment. The names follow the flags of `entdb restore`. */
export const restoreJobSettings = combineSettings(
  recoverySettings,
  defineSettings({
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
  }),
);
export type RestoreJobSettings = SettingsOf<typeof restoreJobSettings>;
