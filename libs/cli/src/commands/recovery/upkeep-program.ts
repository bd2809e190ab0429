import { Option, type Command } from 'commander';
import type { VerifyLevel } from '@entdb/snapshot';
import { namedTenants, withJson, withTenantsOrAll, type RunCommand } from './flags.ts';
import { retention } from './retention.ts';
import { snapshot } from './snapshot.ts';
import { verify } from './verify.ts';

interface VerifyFlagsGiven {
  readonly tenantId?: readonly string[];
  readonly all: boolean;
  readonly level: VerifyLevel;
  readonly sample?: string;
  readonly seed?: string;
  readonly archiveOnly: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** Adds what a schedule runs: `verify`, `snapshot`, `retention`. */
export function addUpkeep(program: Command, run: RunCommand): void {
  withJson(
    withTenantsOrAll(
      program
        .command('verify')
        .description('look whether everything that was archived can be restored')
        .addOption(
          new Option(
            '--level <level>',
            'present: the chain is whole; checksums: and every byte is read; restore: and a trial restore is made, and compared with what the appliers published',
          )
            .choices(['present', 'checksums', 'restore'])
            .default('present'),
        ),
    )
      .option('--sample <n>', 'only so many of the tenants, or a share of them such as 2%')
      .option('--seed <text>', 'what the sample is drawn by; by default the day in UTC')
      .option('--archive-only', 'do not ask the log for what the appliers published', false)
      .option('--dry-run', 'say what it would cost, and stop', false),
  ).action((flags: VerifyFlagsGiven, command: Command) => {
    const tenantIds = namedTenants(command, flags);
    return run(flags.json, (surroundings) => verify({ ...flags, tenantIds }, surroundings));
  });

  withJson(
    program
      .command('snapshot')
      .description('make a snapshot now, of what is archived, and verify it')
      .requiredOption('--tenant-id <id>', 'the tenant'),
  ).action(({ tenantId, json }: { tenantId: string; json: boolean }) =>
    run(json, (surroundings) => snapshot(tenantId, surroundings)),
  );

  addRetention(program, run);
}

interface RetentionFlagsGiven {
  readonly tenantId?: readonly string[];
  readonly all: boolean;
  readonly retentionDays?: string;
  readonly json: boolean;
}

function addRetention(program: Command, run: RunCommand): void {
  const group = program
    .command('retention')
    .description('what old archive and snapshots may go; the snapshotter does it by itself');
  const add = (name: 'plan' | 'apply', description: string) =>
    withJson(
      withTenantsOrAll(group.command(name).description(description)).option(
        '--retention-days <n>',
        'every time of so many days stays restorable; by default ENTDB_RETENTION_DAYS, or 90',
      ),
    ).action((flags: RetentionFlagsGiven, command: Command) => {
      const tenantIds = namedTenants(command, flags);
      const { retentionDays } = flags;
      return run(flags.json, (surroundings) =>
        retention({ mode: name, tenantIds, retentionDays }, surroundings),
      );
    });
  add('plan', 'the dry run: what would go, what stays and why; nothing is removed');
  add('apply', 'remove what the plan says goes, after the base was fetched and opened');
}
