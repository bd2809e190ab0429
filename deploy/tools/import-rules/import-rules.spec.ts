/**
 * Method: one small tree for each rule that breaks that rule and no other. A rule without a tree
 * fails here, so does a tree without its breach, and so does a checker that sees no module.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from './check.ts';
import { RULES } from './rules.ts';

const fixtures = join(__dirname, 'fixture');

/** The checker as `make check` runs it: its own process, its exit status, its words. */
function runOn(tree: string): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(__dirname, 'main.ts'), tree],
    { encoding: 'utf8' },
  );
  return { status, output: stdout + stderr };
}

const breachesIn = (output: string): readonly string[] =>
  [...output.matchAll(/^(\S+) {2}(\S+): /gm)].map(([, where, rule]) => `${rule} ${where}`);

const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  sound: [],
  layers: ['layers libs/base/src/index.ts:1', 'layers libs/telemetry/src/index.ts:1'],
  services: [
    'services deploy/tools/docs/output.ts:1',
    'services libs/wal/src/index.ts:1',
    'services services/gateway/src/loop.ts:1',
  ],
  'front-door': [
    'front-door services/gateway/src/loop.ts:1',
    'front-door services/gateway/src/loop.ts:2',
  ],
  vendors: [
    'vendors libs/wal/src/memory/log.ts:1',
    'vendors services/gateway/src/loop.ts:1',
    'vendors services/gateway/src/loop.ts:3',
  ],
  'test-code': [
    'test-code libs/wal/src/index.ts:1',
    'test-code libs/wal/src/index.ts:2',
    'test-code libs/wal/src/index.ts:3',
  ],
  env: ['env libs/wal/src/index.ts:1', 'env libs/wal/src/index.ts:3'],
  clock: [1, 3, 4, 5, 7].map((line) => `clock libs/wal/src/index.ts:${line}`),
  random: [
    'random libs/wal/src/index.ts:1',
    'random libs/wal/src/index.ts:3',
    'random libs/wal/src/index.ts:3',
  ],
  console: ['console services/gateway/src/loop.ts:1'],
  cycles: ['cycles libs/wal/src/index.ts'],
};

describe('import rules', () => {
  it('has a breaking tree for every rule', () => {
    const trees = ['sound', 'cycles', ...RULES.map(({ name }) => name)].toSorted();
    expect(readdirSync(fixtures).toSorted()).toEqual(trees);
    expect(Object.keys(EXPECTED).toSorted()).toEqual(trees);
  });

  it.each(Object.entries(EXPECTED))(
    'finds in the tree "%s" exactly its breaches',
    (tree, breaches) => {
      const { status, output } = runOn(join(fixtures, tree));
      expect([...breachesIn(output)].toSorted()).toEqual([...breaches].toSorted());
      expect(status).toBe(breaches.length === 0 ? 0 : 1);
    },
  );

  it('refuses a tree without a module and a file that does not parse', () => {
    const root = mkdtempSync(join(tmpdir(), 'import-rules-'));
    expect(runOn(root)).toMatchObject({
      status: 1,
      output: expect.stringContaining('No module was seen'),
    });
    mkdirSync(join(root, 'e2e'));
    writeFileSync(join(root, 'e2e/half.ts'), 'export const = ;');
    expect(runOn(root)).toMatchObject({
      status: 1,
      output: expect.stringContaining('e2e/half.ts does not parse'),
    });
    rmSync(root, { recursive: true });
  });

  it('refuses a library that nobody gave a layer', () => {
    const found = check([
      {
        path: 'libs/novel/src/index.ts',
        imports: [
          {
            specifier: '@entdb/base',
            target: {
              kind: 'workspace',
              package: 'libs/base',
              door: '',
              path: 'libs/base/src/index.ts',
            },
            line: 1,
          },
        ],
        uses: [],
      },
    ]);
    expect(found.map(({ rule }) => rule)).toEqual(['layers']);
  });
});
