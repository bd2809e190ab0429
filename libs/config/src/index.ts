export {
  combineSettings,
  defineSettings,
  describeSettings,
  parseSettings,
  unknownSettings,
  type AnySettings,
  type Env,
  type SettingRow,
  type SettingsOf,
  type SettingsSpec,
} from './settings.ts';
export {
  boolean,
  byteSize,
  constant,
  duration,
  hostPorts,
  integer,
  oneOf,
  port,
  text,
  type Parsed,
  type Setting,
  type SettingText,
} from './kinds.ts';
export {
  logSettings,
  objectStoreSettings,
  serverSettings,
  type LogSettings,
  type ObjectStoreSettings,
  type ServerSettings,
} from './shared.ts';
