import { combineSettings, logSettings, objectStoreSettings, type SettingsOf } from '@entdb/config';

/** What every recovery reads: where the log and the objects are. */
export const recoverySettings = combineSettings(logSettings, objectStoreSettings);
export type RecoverySettings = SettingsOf<typeof recoverySettings>;
