import {
  describeSettings,
  logSettings,
  objectStoreSettings,
  serverSettings,
  type SettingRow,
} from '@entdb/config';
import { applierSettings } from '../../../../services/applier/src/config.ts';
import { archiverSettings } from '../../../../services/archiver/src/config.ts';
import { gatewaySettings } from '../../../../services/gateway/src/config.ts';
import { restoreJobSettings } from '../../../../services/restore-job/src/config.ts';
import { snapshotterSettings } from '../../../../services/snapshotter/src/config.ts';
import { code, table } from './table.ts';

const row = ({ env, default: shown, required, rule, sentence, example, secret }: SettingRow) => [
  code(env),
  required ? 'required' : code(shown),
  `${sentence}${secret ? ' Secret: its value is never shown.' : ''}`,
  rule,
  code(example),
];

export function settingsPage(): string {
  const log = describeSettings(logSettings);
  const server = describeSettings(serverSettings);
  const objects = describeSettings(objectStoreSettings);
  const shared = new Set([...log, ...objects, ...server].map(({ env }) => env));
  const own = (rows: readonly SettingRow[]) => rows.filter(({ env }) => !shared.has(env));
  const section = (title: string, rows: readonly SettingRow[]) =>
    `## ${title}\n\n${table(['variable', 'default', 'what', 'rule', 'example'], rows.map(row))}`;
  return [
    `# Settings

Services read their settings from the environment, once, at the start. An empty variable counts as absent. Faults are reported all
together, and the process then ends with exit code 78; a variable that begins with \`ENTDB_\` and that nobody reads is a warning in the log.
`,
    section('The log', log),
    section(
      'Objects',
      objects.filter(({ env }) => !log.some((row) => row.env === env)),
    ),
    section('Servers', server),
    section('Gateway', own(describeSettings(gatewaySettings))),
    section('Applier', own(describeSettings(applierSettings))),
    section('Archiver', own(describeSettings(archiverSettings))),
    section('Snapshotter', own(describeSettings(snapshotterSettings))),
    section('Restore job', own(describeSettings(restoreJobSettings))),
  ].join('\n');
}
