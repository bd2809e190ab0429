import {
  combineSettings,
  defineSettings,
  integer,
  logSettings,
  objectStoreSettings,
  type SettingsOf,
} from '@entdb/config';

/** What every recovery reads: where the log and the objects are. */
export const recoverySettings = combineSettings(logSettings, objectStoreSettings);
export type RecoverySettings = SettingsOf<typeof recoverySettings>;

/** The snapshotter's own, by the same name and default: what a person plans by hand must be what the service does. */
export const retentionSettings = defineSettings({
  retentionDays: integer(
    { min: 1, max: 36_500 },
    {
      env: 'ENTDB_RETENTION_DAYS',
      default: '90',
      sentence: 'Every time of so many days can be restored.',
      example: '365',
    },
  ),
});
