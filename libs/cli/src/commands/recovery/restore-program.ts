import type { Command } from 'commander';
import {
  required,
  targetOf,
  withAcceptance,
  withJson,
  withRecord,
  withTarget,
  withTenants,
  type RecordFlags,
  type RunCommand,
  type TargetFlags,
} from './flags.ts';
import { inPlace } from './in-place.ts';
import { keep, release } from './keep.ts';
import { listSnapshots } from './list-snapshots.ts';
import { plan, replayArchive, restore, restoreFromSnapshot } from './restore.ts';

type RestoreFlagsGiven = TargetFlags & {
  readonly tenantId?: readonly string[];
  readonly outputDir?: string;
  readonly fromScratch: boolean;
  readonly force: boolean;
  readonly delta: boolean;
  readonly acceptIncomplete: boolean;
  readonly parallel: string;
};

/** Adds `restore` and its subcommands. */
export function addRestore(program: Command, run: RunCommand): void {
  const group = withAcceptance(withTarget(withTenants(program.command('restore'))))
    .description('restore tenants from archive, snapshots and log, into files')
    .enablePositionalOptions()
    .option('--output-dir <folder>', 'where to; each tenant in a subfolder of its own')
    .option('--from-scratch', 'use no snapshot, but the archive from its first record', false)
    .option('--force', "replace what is in the tenant's folder", false)
    .option(
      '--delta',
      'with --force: fetch only what the files that are there do not have, where something proves them',
      false,
    )
    .option('--parallel <n>', 'tenants at the same time', '2')
    .action((flags: RestoreFlagsGiven, command: Command) => {
      const tenantId = required(command, '--tenant-id <id>', flags.tenantId);
      const outputDir = required(command, '--output-dir <folder>', flags.outputDir);
      if (flags.delta && !flags.force)
        command.error('error: --delta goes on from files that are there: say --force as well', {
          exitCode: 2,
        });
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

  withJson(
    group
      .command('list-snapshots')
      .description('the snapshots of a tenant, and what can be restored at all')
      .requiredOption('--tenant-id <id>', 'the tenant'),
  ).action(({ tenantId, json }: { tenantId: string; json: boolean }) =>
    run(json, (surroundings) => listSnapshots(tenantId, surroundings)),
  );

  withJson(
    ofSnapshot(group.command('from-snapshot').description('restore a snapshot as it is'))
      .requiredOption('--output-dir <folder>', 'where to; the tenant in a subfolder of its own')
      .option('--force', "replace what is in the tenant's folder", false),
  ).action((flags: SnapshotFlags & { readonly outputDir: string; readonly force: boolean }) =>
    run(flags.json, (surroundings) => restoreFromSnapshot(flags, surroundings)),
  );

  withAcceptance(withTarget(group.command('replay-archive')))
    .description(
      'apply to restored files what came after them; up to the target, or the latest record',
    )
    .requiredOption('--tenant-id <id>', 'the tenant')
    .requiredOption('--from-position <offset>', 'where the files stand, as from-snapshot prints it')
    .requiredOption('--data-dir <folder>', 'the folder that the tenant was restored into')
    .action((flags: ReplayFlagsGiven) =>
      run(flags.json, (surroundings) =>
        replayArchive({ ...flags, target: targetOf(flags) }, surroundings),
      ),
    );

  addInPlace(group, run);
  addKeeps(group, run);
}

type InPlaceFlagsGiven = RecordFlags & {
  readonly tenantId: string;
  readonly preview: boolean;
  readonly yes: boolean;
  readonly key?: string;
  readonly expectedEpoch?: string;
  readonly wait: string;
  readonly sample: string;
  readonly workDir?: string;
};

function addInPlace(group: Command, run: RunCommand): void {
  withJson(
    withRecord(
      group
        .command('in-place')
        .description(
          'make a live tenant again what it was after a record, through the log; history stays, and another in-place restore takes it back',
        )
        .requiredOption('--tenant-id <id>', 'the tenant'),
    )
      .option(
        '--preview',
        'say what would change and what would be undone, and stop (default)',
        false,
      )
      .option('--yes', 'do it', false)
      .option(
        '--key <key>',
        'the idempotency key of the restore, of a try before; by default a new one',
      )
      .option('--expected-epoch <n>', 'refuse if the tenant is in another epoch by then')
      .option('--wait <seconds>', 'for the verdict of the appliers', '60')
      .option('--sample <n>', 'ids and keys to name for each kind of change', '5')
      .option(
        '--work-dir <folder>',
        'where two copies of the tenant have room; by default among the temporary files',
      ),
  ).action((flags: InPlaceFlagsGiven, command: Command) => {
    if (flags.preview && flags.yes)
      command.error('error: say either --preview or --yes', { exitCode: 2 });
    return run(flags.json, (surroundings) =>
      inPlace({ ...flags, target: targetOf(flags) }, surroundings),
    );
  });
}

type ReplayFlagsGiven = TargetFlags & {
  readonly tenantId: string;
  readonly fromPosition: string;
  readonly dataDir: string;
  readonly acceptIncomplete: boolean;
};

interface SnapshotFlags {
  readonly tenantId: string;
  readonly snapshotId: string;
  readonly json: boolean;
}

const ofSnapshot = (command: Command): Command =>
  command
    .requiredOption('--tenant-id <id>', 'the tenant')
    .requiredOption('--snapshot-id <id>', 'as list-snapshots prints it');

function addKeeps(group: Command, run: RunCommand): void {
  withJson(
    ofSnapshot(
      group.command('keep').description('protect a snapshot from retention, however old it is'),
    ).option('--note <text>', 'why, for whoever finds it', ''),
  ).action((flags: SnapshotFlags & { readonly note: string }) =>
    run(flags.json, (surroundings) => keep(flags, surroundings)),
  );
  withJson(
    ofSnapshot(group.command('release').description('end the protection of a snapshot')),
  ).action((flags: SnapshotFlags) =>
    run(flags.json, (surroundings) => release(flags, surroundings)),
  );
}
