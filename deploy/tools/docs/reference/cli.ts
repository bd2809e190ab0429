import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../../libs/cli/src/main.ts', import.meta.url));

function helpOf(words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words, '--help'], {
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '110', NO_COLOR: '1' },
  });
  if (status !== 0) throw new Error(`entdb ${words.join(' ')} --help: ${stderr}`);
  return stdout.trimEnd();
}

/** The names under "Commands:" in a help text, `help` itself left out. */
function commandsIn(help: string): readonly string[] {
  const list = /^Commands:\n((?: {2}.*\n?)*)/m.exec(help)?.[1] ?? '';
  return [...list.matchAll(/^ {2}(\S+)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
}

function sections(words: readonly string[]): readonly string[] {
  const help = helpOf(words);
  const own = `## ${['entdb', ...words].join(' ')}\n\n\`\`\`\n${help}\n\`\`\`\n`;
  return [own, ...commandsIn(help).flatMap((name) => sections([...words, name]))];
}

export function cliPage(): string {
  return `# The command line

In a checkout: \`make entdb ARGS="topics check"\`. Results go to standard output, everything else to standard error.

${sections([]).join('\n')}`;
}
