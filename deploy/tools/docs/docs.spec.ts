/** The convention itself, and that every `sh` fence of the README and the guides obeys it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSteps } from './blocks.ts';
import { documents, projectRoot } from './documents.ts';
import { difference } from './output.ts';
import { followDocument } from './session.ts';

const fixture = join(__dirname, 'fixture');
const fence = (comment: string, text: string): string =>
  `${comment}\n\`\`\`sh\n${text}\n\`\`\`\n\n`;

/** A line that fails where the command does not: bash's `set -e` lets a plain `! command` pass. */
const refuted = (command: string): string => `if ${command}; then exit 1; fi`;

const follow = (markdown: string, patienceMs = 20_000): Promise<void> =>
  followDocument(parseSteps(markdown), { root: fixture, patienceMs });

describe('a document that runs', () => {
  const guide = readFileSync(join(fixture, 'guide.md'), 'utf8');

  it('is read as its steps, with their lines', () => {
    expect(parseSteps(guide).map(({ kind, line }) => `${kind} ${line}`)).toEqual([
      'background 4',
      'run 10',
      'run 18',
      'source 30',
    ]);
  });

  it('is followed to its end', async () => {
    await follow(guide);
  });

  it('is refused when an sh fence says nothing', () => {
    expect(() => parseSteps(fence('# Title', 'rm -rf /'))).toThrow('line 2');
    expect(() => parseSteps(fence('<!-- runn -->', 'true'))).toThrow('line 2');
    expect(() => parseSteps(fence('<!-- output -->', 'nothing ran'))).toThrow('follows a block');
  });

  it.each([
    ['a command fails', fence('<!-- run -->', 'false'), 'ended with 1'],
    ['a pipe hides a failure', fence('<!-- run -->', 'false | true'), 'ended with 1'],
    [
      'the output differs',
      fence('<!-- run -->', 'echo one') + fence('<!-- output -->', 'two'),
      'says "two" and it printed "one"',
    ],
    [
      'the text never comes',
      fence('<!-- background until "ready" -->', 'echo broken'),
      '"ready" did not appear; it ended with 0',
    ],
    [
      'the source moved on',
      '<!-- source src/hello.ts -->\n```ts\nconsole.log(farewell);\n```\n',
      'does not stand in src/hello.ts',
    ],
  ])('fails when %s', async (_, markdown, message) => {
    await expect(follow(markdown)).rejects.toThrow(message);
  });

  it('stops what runs in the background where the document says so', async () => {
    const marker = `2${process.pid}`;
    const sleeper = fence('<!-- background until "ready" -->', `echo ready; exec sleep ${marker}`);
    const look = refuted(`pgrep -xf "sleep ${marker}"`);
    await follow(sleeper + fence('<!-- stop, then run -->', look));
    await expect(follow(sleeper + fence('<!-- run -->', look))).rejects.toThrow('ended with 1');
  });

  it("does not lend a person the project's own programs", async () => {
    await follow(fence('<!-- run -->', refuted('command -v jest')));
  });

  it('fails when a command hangs, and leaves no process', async () => {
    const marker = `1${process.pid}`;
    await expect(follow(fence('<!-- run -->', `sleep ${marker}`), 300)).rejects.toThrow(
      'did not end',
    );
    await follow(fence('<!-- run -->', refuted(`pgrep -xf "sleep ${marker}"`)));
  });

  it('fails when Ctrl-C does not end a background command', async () => {
    const deaf = `trap '' INT; echo ready; while true; do read -rt 1 <> <(:) || true; done`;
    await expect(follow(fence('<!-- background until "ready" -->', deaf), 500)).rejects.toThrow(
      'Ctrl-C did not end it',
    );
  });
});

describe('a printed output', () => {
  it.each([
    ['a\nb', 'a\nb\n'],
    ['wrote <position> in <n> ms', 'wrote 7.19 in 12 ms'],
    ['took ... done', 'took 3 s and was done'],
    ['a\n...\nz', 'a\nb\nc\nz'],
    ['a\n...', 'a'],
  ])('matches %j', (expected, actual) => {
    expect(difference(expected, actual)).toBeUndefined();
  });

  it.each([
    ['a', 'a\nb'],
    ['a\nb', 'a'],
    ['id <id>', 'id one two'],
    ['1.5', '1x5'],
    ['a\n...\nz', 'a\nb'],
  ])('does not match %j', (expected, actual) => {
    expect(difference(expected, actual)).toMatch('the document says');
  });
});

describe('the documents of this project', () => {
  it('say of each sh fence what becomes of it', () => {
    for (const path of documents()) {
      expect(() => parseSteps(readFileSync(join(projectRoot, path), 'utf8'))).not.toThrow();
    }
  });
});
