import {
  boolean,
  byteSize,
  combineSettings,
  defineSettings,
  duration,
  integer,
  logSettings,
  serverSettings,
  type SettingsOf,
} from '@entdb/config';
import { defaultLaneLimits } from '@entdb/wal';
import { operationsMaxMax } from './limits.ts';

/** What a gateway is told, beside the log and its servers. */
export const gatewaySettings = combineSettings(
  combineSettings(logSettings, serverSettings),
  defineSettings({
    tenantAutoCreate: boolean({
      env: 'ENTDB_TENANT_AUTO_CREATE',
      default: 'true',
      sentence:
        'Whether a tenant comes to be with its first transaction; otherwise it must be made by CreateTenant.',
      example: 'false',
    }),
    operationsMax: integer(
      { min: 1, max: operationsMaxMax, unit: 'operations' },
      {
        env: 'ENTDB_OPERATIONS_MAX',
        default: '1000',
        sentence: 'Operations that one transaction may have, and as many preconditions.',
        example: '5000',
      },
    ),
    recordBytesMax: byteSize(
      { min: 1024, max: defaultLaneLimits.recordBytesMax },
      {
        env: 'ENTDB_RECORD_BYTES_MAX',
        default: `${defaultLaneLimits.recordBytesMax}B`,
        sentence: 'The largest transaction, measured as its record in the log.',
        example: '256KiB',
      },
    ),
    batchTransactionsMax: integer(
      { min: 1, max: 100_000, unit: 'transactions' },
      {
        env: 'ENTDB_BATCH_TRANSACTIONS_MAX',
        default: '1000',
        sentence: 'Transactions that one ExecuteBatch may have.',
        example: '5000',
      },
    ),
    streamInFlightMax: integer(
      { min: 1, max: 100_000, unit: 'transactions' },
      {
        env: 'ENTDB_STREAM_IN_FLIGHT_MAX',
        default: '1024',
        sentence:
          'Transactions of one ExecuteStream that are under way; beyond them the stream is read no further.',
        example: '256',
      },
    ),
    lanePendingBytesMax: byteSize(
      { min: 1024 * 1024 },
      {
        env: 'ENTDB_LANE_PENDING_BYTES_MAX',
        default: '64MiB',
        sentence:
          'What may wait for one partition of the log; beyond it RESOURCE_EXHAUSTED is answered at once.',
        example: '16MiB',
      },
    ),
    tenantPendingBytesMax: byteSize(
      { min: 1024 * 1024 },
      {
        env: 'ENTDB_TENANT_PENDING_BYTES_MAX',
        default: '16MiB',
        sentence:
          'What one tenant may have on its way to the log, so that its flood leaves room for others.',
        example: '4MiB',
      },
    ),
    tenantPendingRecordsMax: integer(
      { min: 1, max: 1_000_000, unit: 'records' },
      {
        env: 'ENTDB_TENANT_PENDING_RECORDS_MAX',
        default: '20000',
        sentence: 'How many transactions one tenant may have on their way to the log.',
        example: '5000',
      },
    ),
    verdictsWaitingMax: integer(
      { min: 1, max: 10_000_000, unit: 'transactions' },
      {
        env: 'ENTDB_VERDICTS_WAITING_MAX',
        default: '100000',
        sentence: 'Transactions that may wait for their verdict at the same time.',
        example: '20000',
      },
    ),
    verdictWaitMaxMs: duration(
      { minMs: 100 },
      {
        env: 'ENTDB_VERDICT_WAIT_MAX',
        default: '60s',
        sentence:
          'The longest wait for a verdict; it binds calls in streams, which live for longer.',
        example: '10s',
      },
    ),
    silenceMaxMs: duration(
      { minMs: 1_000 },
      {
        env: 'ENTDB_FLEET_SILENCE_MAX',
        default: '10s',
        sentence: 'After how long without a word an applier is no longer named to clients.',
        example: '30s',
      },
    ),
  }),
);

export type GatewaySettings = SettingsOf<typeof gatewaySettings>;
