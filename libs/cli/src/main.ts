#!/usr/bin/env node
import { Command } from 'commander';
import { assertNodeVersion } from '@entdb/base';
import { exitCodeOf } from '@entdb/restore';
import { explain, listCodes } from './commands/explain.ts';
import { addRecoveryCommands } from './commands/recovery/program.ts';
import { checkTopics, createTopics } from './commands/topics.ts';
import { bearClosedPipe, terminal } from './ui/output.ts';
import { errorJson, exitCodes, reportError } from './ui/report-error.ts';

assertNodeVersion();
bearClosedPipe();

const program = new Command('entdb')
  .description('Operate an EntDB fleet.')
  // Flags after a command's name are that command's: `restore` has some that its subcommands have too.
  .enablePositionalOptions()
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong usage; restore, verify, snapshot and retention have more. Settings come from the environment, as for the services.',
  )
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  });

const topics = program.command('topics').description('the topics of the log');
topics
  .command('create')
  .description(
    'make the topics that are missing, with the settings that keep acknowledged writes safe',
  )
  .option('--json', 'print JSON', false)
  .action(({ json }: { json: boolean }) =>
    createTopics({ env: process.env, output: terminal, json }),
  );
topics
  .command('check')
  .description('compare the topics with those settings')
  .option('--json', 'print JSON', false)
  .action(({ json }: { json: boolean }) =>
    checkTopics({ env: process.env, output: terminal, json }),
  );

addRecoveryCommands(program, async (json, body) => {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)));
  const { signal } = stopping;
  try {
    process.exitCode = await body({ env: process.env, output: terminal, json, signal });
  } catch (error) {
    if (json) terminal.json({ error: errorJson(error) });
    reportError(error, terminal);
    process.exitCode = exitCodeOf(error);
  }
});

program
  .command('explain')
  .description('what an error code means and what to try')
  .argument('[code]', 'for example UNIQUE_VIOLATION')
  .option('--list', 'print all codes')
  .action((code: string | undefined, { list }: { list?: boolean }) => {
    if (list === true || code === undefined) listCodes(terminal);
    else explain(code, terminal);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error, terminal);
}
