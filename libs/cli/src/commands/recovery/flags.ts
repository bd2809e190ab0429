import type { Command } from 'commander';
import { exitCodesHelp, type ExitCode, type TargetWords } from '@entdb/restore';
import type { Surroundings } from './recovery.ts';

/** How a command is run: with what the process has, and its exit code made the process's. */
export type RunCommand = (
  json: boolean,
  body: (surroundings: Surroundings) => Promise<ExitCode>,
) => Promise<void>;

export interface RecordFlags {
  readonly targetTime?: string;
  readonly targetPosition?: string;
  readonly targetSequence?: string;
  readonly targetKey?: string;
  readonly exclusive: boolean;
  readonly json: boolean;
}

export interface TargetFlags extends RecordFlags {
  readonly latest: boolean;
  readonly archiveOnly: boolean;
}

export const collect = (value: string, values: readonly string[] = []): readonly string[] => [
  ...values,
  value,
];

/** What every command here has: JSON, and exit codes that a script can rely on. */
export const withJson = (command: Command): Command =>
  command.option('--json', 'print JSON', false).addHelpText('after', `\n${exitCodesHelp}`);

/** A record of the tenant's history, by whatever it is known. */
export const withRecord = (command: Command): Command =>
  command
    .option('--target-time <iso>', 'an ISO time with its zone, such as 2026-01-15T14:30:00Z')
    .option('--target-position <offset>', "an offset of the tenant's partition")
    .option('--target-sequence <n>', 'the number of a record of the tenant; the first is 1')
    .option('--target-key <key>', 'the idempotency key of a transaction')
    .option('--exclusive', 'what the target names does not belong to it any more', false);

export const withTarget = (command: Command): Command =>
  withJson(
    withRecord(command)
      .option('--latest', 'everything that can be had', false)
      .option(
        '--archive-only',
        'do not ask the log; where the archive ends before the target, stop there (exit code 5)',
        false,
      ),
  );

export const withAcceptance = (command: Command): Command =>
  command.option(
    '--accept-incomplete',
    'exit with 0 where the archive ends before it is known that nothing more belongs to the target',
    false,
  );

export const targetOf = (flags: RecordFlags & { readonly latest?: boolean }): TargetWords => ({
  time: flags.targetTime,
  position: flags.targetPosition,
  sequence: flags.targetSequence,
  key: flags.targetKey,
  latest: flags.latest ?? false,
  exclusive: flags.exclusive,
});

export const withTenants = (command: Command): Command =>
  command.option('--tenant-id <id>', 'the tenant; several with the flag repeated', collect);

export const withTenantsOrAll = (command: Command): Command =>
  withTenants(command).option('--all', 'every tenant that the object store has anything of', false);

/** The tenants that are named; none where all are meant. Ends with 2 unless exactly one of the two is said. */
export function namedTenants(
  command: Command,
  { tenantId = [], all }: { readonly tenantId?: readonly string[]; readonly all: boolean },
): readonly string[] {
  if (all === tenantId.length > 0)
    command.error('error: say either --tenant-id or --all', { exitCode: 2 });
  return tenantId;
}

/** A parent's required flags would be asked of its subcommands too, so the parent looks for its own. */
export function required<T>(command: Command, flag: string, value: T | undefined): T {
  return value ?? command.error(`error: required option '${flag}' not specified`, { exitCode: 2 });
}
