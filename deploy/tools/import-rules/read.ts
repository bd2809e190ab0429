import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { type ParseResult, parseSync, Visitor } from 'oxc-parser';
import { packageOf, type Power, type SourceModule, type Target, type Use } from './module.ts';

const SOURCES = '{libs,services,e2e,examples,deploy}/**/*.ts';
const LEFT_OUT = new Set(['node_modules', 'dist', 'fixture']);

/** Reads every TypeScript source under `root`. Throws on a file that does not parse: unread is unchecked. */
export function readModules(root: string): readonly SourceModule[] {
  const paths = globSync(SOURCES, {
    cwd: root,
    exclude: (entry) => LEFT_OUT.has(posix.basename(entry)),
  });
  const homes = packageHomes(paths);
  return paths
    .toSorted()
    .map((path) => readModule(path, readFileSync(`${root}/${path}`, 'utf8'), homes));
}

function readModule(path: string, text: string, homes: ReadonlyMap<string, string>): SourceModule {
  const parsed = parseSync(path, text);
  const fault = parsed.errors[0];
  if (fault) throw new Error(`${path} does not parse: ${fault.message}`);
  const lineAt = (offset: number): number => text.slice(0, offset).split('\n').length;
  return {
    path,
    imports: specifiersOf(parsed, text).map(({ specifier, offset }) => ({
      specifier,
      target: resolve(path, specifier, homes),
      line: lineAt(offset),
    })),
    uses: powersOf(parsed).map(({ power, text: used, offset }) => ({
      power,
      text: used,
      line: lineAt(offset),
    })),
  };
}

/** Scoped name to folder, by the layout's convention: `@entdb/wal` lives in `libs/wal` or `services/wal`. */
function packageHomes(paths: readonly string[]): ReadonlyMap<string, string> {
  const packages = new Set(paths.map(packageOf));
  return new Map([...packages].map((home) => [`@entdb/${posix.basename(home)}`, home]));
}

function resolve(from: string, specifier: string, homes: ReadonlyMap<string, string>): Target {
  if (specifier.startsWith('.'))
    return { kind: 'relative', path: posix.join(posix.dirname(from), specifier) };
  const segments = specifier.split('/');
  const name = segments.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  if (!name.startsWith('@entdb/')) return { kind: 'vendor', package: name };
  const home = homes.get(name) ?? name;
  const door = segments.slice(2).join('/');
  return {
    kind: 'workspace',
    package: home,
    door,
    path: `${home}/src/${door === '' ? 'index' : door}.ts`,
  };
}

interface Specifier {
  readonly specifier: string;
  readonly offset: number;
}

/** Static, re-exporting, dynamic and type-only imports alike: a type is knowledge of the other side too. */
function specifiersOf({ module, program }: ParseResult, text: string): readonly Specifier[] {
  const found: Specifier[] = module.staticImports.map(({ moduleRequest, start }) => ({
    specifier: moduleRequest.value,
    offset: start,
  }));
  for (const { entries, start } of module.staticExports) {
    const from = entries.find(({ moduleRequest }) => moduleRequest)?.moduleRequest;
    if (from) found.push({ specifier: from.value, offset: start });
  }
  for (const { moduleRequest, start } of module.dynamicImports) {
    const literal = /^(['"])(.*)\1$/.exec(text.slice(moduleRequest.start, moduleRequest.end))?.[2];
    if (literal !== undefined) found.push({ specifier: literal, offset: start });
  }
  new Visitor({
    TSImportType: ({ source, start }) => {
      found.push({ specifier: source.value, offset: start });
    },
  }).visit(program);
  return found;
}

const POWER_OF_MEMBER: Readonly<Record<string, Power>> = {
  'process.env': 'env',
  'Date.now': 'clock',
  'performance.now': 'clock',
  'process.hrtime': 'clock',
  'AbortSignal.timeout': 'clock',
  'Math.random': 'random',
  'crypto.randomUUID': 'random',
  'crypto.randomBytes': 'random',
  'crypto.randomInt': 'random',
  'crypto.getRandomValues': 'random',
};

const POWER_OF_CALL: Readonly<Record<string, Power>> = {
  setTimeout: 'clock',
  setInterval: 'clock',
  Date: 'clock',
};

/** Named imports that hand out a power; `*` stands for anything the module exports. */
const POWER_OF_IMPORT: Readonly<Record<string, Readonly<Record<string, Power>>>> = {
  'node:timers': { '*': 'clock' },
  'node:timers/promises': { '*': 'clock' },
  'node:perf_hooks': { performance: 'clock' },
  'node:process': { env: 'env', hrtime: 'clock' },
  'node:console': { '*': 'console' },
  'node:crypto': {
    randomUUID: 'random',
    randomBytes: 'random',
    randomInt: 'random',
    webcrypto: 'random',
  },
};

type Found = Omit<Use, 'line'> & { readonly offset: number };

function powersOf({ module, program }: ParseResult): readonly Found[] {
  const found: Found[] = [];
  const note = (power: Power | undefined, text: string, offset: number): void => {
    if (power) found.push({ power, text, offset });
  };
  for (const { moduleRequest, entries, start } of module.staticImports) {
    const powers = POWER_OF_IMPORT[moduleRequest.value] ?? {};
    for (const { importName, isType } of entries) {
      const name = importName.name ?? '*';
      if (!isType) note(powers['*'] ?? powers[name], `${name} of ${moduleRequest.value}`, start);
    }
  }
  new Visitor({
    MemberExpression: ({ object, property, computed, start }) => {
      if (computed || object.type !== 'Identifier' || property.type !== 'Identifier') return;
      const text = `${object.name}.${property.name}`;
      note(object.name === 'console' ? 'console' : POWER_OF_MEMBER[text], text, start);
    },
    CallExpression: ({ callee, start }) => {
      if (callee.type === 'Identifier' && Object.hasOwn(POWER_OF_CALL, callee.name))
        note(POWER_OF_CALL[callee.name], `${callee.name}()`, start);
    },
    NewExpression: ({ callee, arguments: given, start }) => {
      if (callee.type === 'Identifier' && callee.name === 'Date' && given.length === 0)
        note('clock', 'new Date()', start);
    },
  }).visit(program);
  return found;
}
