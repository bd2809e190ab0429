import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeClassArchive } from './archive.ts';
import { act, brokerActions, down, up, wipe } from './local.ts';
import type { BrokerAction } from './local.ts';
import { bootstrapOf } from './settings.ts';
import type { BrokerCount } from './settings.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const usage = `usage: up.sh | down.sh [--wipe] | broker.sh N ${brokerActions.join('|')}`;

function dirFrom(env: NodeJS.ProcessEnv): string {
  return resolve(env['DIR'] || join(here, '../../.entdb/kafka'));
}

function brokersFrom(env: NodeJS.ProcessEnv): BrokerCount {
  const value = env['BROKERS'] || '3';
  if (value === '1') return 1;
  if (value === '3') return 3;
  throw new Error(`BROKERS=${value}: must be 1 or 3`);
}

function basePortFrom(env: NodeJS.ProcessEnv): number {
  const value = env['KAFKA_PORT'] || '19091';
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1024 && port <= 65_000) return port;
  throw new Error(`KAFKA_PORT=${value}: must be a port from 1024 to 65000`);
}

async function upCommand(): Promise<void> {
  const options = {
    dir: dirFrom(process.env),
    brokers: brokersFrom(process.env),
    basePort: basePortFrom(process.env),
  };
  execFileSync(join(here, 'install.sh'), { stdio: 'inherit' });
  const { plan, started } = await up(options);
  print(
    started.length === 0
      ? 'kafka: already up'
      : `kafka: started broker ${started.join(', ')} in ${options.dir}`,
  );
  print(`ENTDB_KAFKA_BROKERS=${bootstrapOf(plan).join(',')}`);
  print('next: make run-kafka; stop with deploy/kafka/down.sh [--wipe]');
}

async function downCommand(flags: readonly string[]): Promise<void> {
  if (flags.some((flag) => flag !== '--wipe')) throw new Error(usage);
  const dir = dirFrom(process.env);
  const ended = await down(dir);
  print(
    ended.length === 0
      ? `kafka: nothing was up in ${dir}`
      : `kafka: stopped broker ${ended.join(', ')}`,
  );
  if (flags.length > 0 && (await wipe(dir))) print(`kafka: removed the data in ${dir}`);
}

async function brokerCommand([id, action]: readonly string[]): Promise<void> {
  if (!isAction(action)) throw new Error(usage);
  await act(dirFrom(process.env), Number(id), action);
  print(`kafka: broker ${id}: ${action} done`);
}

function isAction(word: string | undefined): word is BrokerAction {
  return brokerActions.some((action) => action === word);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const [command, ...rest] = process.argv.slice(2);
try {
  if (command === 'up') await upCommand();
  else if (command === 'down') await downCommand(rest);
  else if (command === 'broker') await brokerCommand(rest);
  else if (command === 'archive') await writeClassArchive();
  else throw new Error(usage);
} catch (error) {
  process.stderr.write(`kafka: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
