import { Option, type Command } from 'commander';
import { exitCodesHelp, type ExitCode, type TargetWords } from '@entdb/restore';
import type { VerifyLevel } from '@entdb/snapshot';
import { listSnapshots } from './list-snapshots.ts';
import type { Surroundings } from './recovery.ts';
import { plan, replayArchive, restore, restoreFromSnapshot } from './restore.ts';
import { snapshot } from './snapshot.ts';
import { verify } from './verify.ts';

/** How a command is run: with what the process has, and its exit code made the process's. */
export type RunCommand = (
  json: boolean,
  body: (surroundings: Surroundings) => Promise<ExitCode>,
) => Promise<void>;

interface TargetFlags {
  readonly targetTime?: string;
  readonly targetPosition?: string;
  readonly targetSequence?: string;
  readonly targetKey?: string;
  readonly latest: boolean;
  readonly exclusive: boolean;
  readonly archiveOnly: boolean;
  readonly json: boolean;
}

const jsonFlag = ['--json', 'print JSON', false] as const;
const collect = (value: string, values: readonly string[] = []): readonly string[] => [
  ...values,
  value,
];

const withTarget = (command: Command): Command =>
  command
    .option('--target-time <iso>', 'an ISO time with its zone, such as 2026-01-15T14:30:00Z')
    .option('--target-position <offset>', "an offset of the tenant's partition")
    .option('--target-sequence <n>', 'the number of a record of the tenant; the first is 1')
    .option('--target-key <key>', 'the idempotency key of a transaction')
    .option('--latest', 'everything that can be had', false)
    .option('--exclusive', 'what the target names does not belong to it any more', false)
    .option('--archive-only', 'do not ask the log, and accept where the archive ends', false)
    .option(...jsonFlag);

const targetOf = (flags: TargetFlags): TargetWords => ({
  time: flags.targetTime,
  position: flags.targetPosition,
  sequence: flags.targetSequence,
  key: flags.targetKey,
  latest: flags.latest,
  exclusive: flags.exclusive,
});

const withTenants = (command: Command): Command =>
  command.option('--tenant-id <id>', 'the tenant; several with the flag repeated', collect);

/** A parent's required flags would be asked of its subcommands too, so the parent looks for its own. */
function required<T>(command: Command, flag: string, value: T | undefined): T {
  return value ?? command.error(`error: required option '${flag}' not specified`, { exitCode: 2 });
}

/** Adds `restore`, `verify` and `snapshot`. */
export function addRecoveryCommands(program: Command, run: RunCommand): void {
  addRestore(program, run);

  program
    .command('verify')
    .description('look whether everything that was archived can be restored')
    .addOption(
      new Option(
        '--level <level>',
        'present: the chain is whole; checksums: and every byte is read; restore: and a trial restore is made',
      )
        .choices(['present', 'checksums', 'restore'])
        .default('present'),
    )
    .option('--tenant-id <id>', 'the tenant; several with the flag repeated', collect)
    .option('--all', 'every tenant that the object store has anything of', false)
    .option(...jsonFlag)
    .addHelpText('after', `\n${exitCodesHelp}`)
    .action((flags: VerifyFlagsGiven, command: Command) => {
      const { tenantId = [], all, level, json } = flags;
      if (all === tenantId.length > 0)
        command.error('error: say either --tenant-id or --all', { exitCode: 2 });
      return run(json, (surroundings) => verify({ level, tenantIds: tenantId }, surroundings));
    });

  program
    .command('snapshot')
    .description('make a snapshot now, of what is archived, and verify it')
    .requiredOption('--tenant-id <id>', 'the tenant')
    .option(...jsonFlag)
    .addHelpText('after', `\n${exitCodesHelp}`)
    .action(({ tenantId, json }: { tenantId: string; json: boolean }) =>
      run(json, (surroundings) => snapshot(tenantId, surroundings)),
    );
}

interface VerifyFlagsGiven {
  readonly tenantId?: readonly string[];
  readonly all: boolean;
  readonly level: VerifyLevel;
  readonly json: boolean;
}

type RestoreFlagsGiven = TargetFlags & {
  readonly tenantId?: readonly string[];
  readonly outputDir?: string;
  readonly fromScratch: boolean;
  readonly force: boolean;
};

function addRestore(program: Command, run: RunCommand): void {
  const group = withTarget(withTenants(program.command('restore')))
    .description('restore tenants from archive, snapshots and log, into files')
    .enablePositionalOptions()
    .option('--output-dir <folder>', 'where to; each tenant in a subfolder of its own')
    .option('--from-scratch', 'use no snapshot, but the archive from its first record', false)
    .option('--force', "replace what is in the tenant's folder", false)
    .addHelpText('after', `\n${exitCodesHelp}`)
    .action((flags: RestoreFlagsGiven, command: Command) => {
      const tenantId = required(command, '--tenant-id <id>', flags.tenantId);
      const outputDir = required(command, '--output-dir <folder>', flags.outputDir);
      const target = targetOf(flags);
      return run(flags.json, (surroundings) =>
        restore({ ...flags, tenantId, outputDir, target }, surroundings),
      );
    });

  withTarget(withTenants(group.command('plan')))
    .description('the dry run: what a restore would read and reach; nothing is written')
    .option('--from-scratch', 'use no snapshot, but the archive from its first record', false)
    .action((flags: RestoreFlagsGiven, command: Command) => {
      const tenantId = required(command, '--tenant-id <id>', flags.tenantId);
      const target = targetOf(flags);
      return run(flags.json, (surroundings) => plan({ ...flags, tenantId, target }, surroundings));
    });

  group
    .command('list-snapshots')
    .description('the snapshots of a tenant, and what can be restored at all')
    .requiredOption('--tenant-id <id>', 'the tenant')
    .option(...jsonFlag)
    .action(({ tenantId, json }: { tenantId: string; json: boolean }) =>
      run(json, (surroundings) => listSnapshots(tenantId, surroundings)),
    );

  group
    .command('from-snapshot')
    .description('restore a snapshot as it is')
    .requiredOption('--tenant-id <id>', 'the tenant')
    .requiredOption('--snapshot-id <id>', 'as list-snapshots prints it')
    .requiredOption('--output-dir <folder>', 'where to; the tenant in a subfolder of its own')
    .option('--force', "replace what is in the tenant's folder", false)
    .option(...jsonFlag)
    .action(
      (flags: {
        tenantId: string;
        snapshotId: string;
        outputDir: string;
        force: boolean;
        json: boolean;
      }) => run(flags.json, (surroundings) => restoreFromSnapshot(flags, surroundings)),
    );

  withTarget(group.command('replay-archive'))
    .description(
      'apply to restored files what came after them; up to the target, or the latest record',
    )
    .requiredOption('--tenant-id <id>', 'the tenant')
    .requiredOption('--from-position <offset>', 'where the files stand, as from-snapshot prints it')
    .requiredOption('--data-dir <folder>', 'the folder that the tenant was restored into')
    .action((flags: TargetFlags & { tenantId: string; fromPosition: string; dataDir: string }) =>
      run(flags.json, (surroundings) =>
        replayArchive({ ...flags, target: targetOf(flags) }, surroundings),
      ),
    );
}
