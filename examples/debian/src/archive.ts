import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { Readable } from 'node:stream';
import { parsePackage, readStanzas, type DebianPackage, type Dependency } from './control-file.ts';

/** The whole index in memory: some 64,000 packages, about 200 MB. */
export interface Archive {
  readonly source: string;
  readonly packages: readonly DebianPackage[];
  /** Names that packages depend on and no package has, in order. */
  readonly names: readonly string[];
}

const extract = new URL('../testdata/available.gz', import.meta.url);

/** What `apt-cache dumpavail` prints; where there is no apt, the extract beside this example. */
export async function readArchive(options: {
  readonly extract: boolean;
  readonly limit: number;
}): Promise<Archive> {
  const found = options.extract ? undefined : await fromApt(options.limit);
  if (found && found.packages.length > 0) return found;
  return archiveOf(
    'the extract kept with this example',
    createReadStream(extract).pipe(createGunzip()),
    options.limit,
  );
}

async function fromApt(limit: number): Promise<Archive | undefined> {
  const apt = spawn('apt-cache', ['dumpavail'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const started = new Promise<boolean>((resolve) => {
    apt.once('spawn', () => resolve(true));
    apt.once('error', () => resolve(false));
  });
  if (!(await started)) return undefined;
  const archive = await archiveOf('apt-cache dumpavail', apt.stdout, limit);
  apt.kill();
  return archive;
}

async function archiveOf(source: string, text: Readable, limit: number): Promise<Archive> {
  const packages: DebianPackage[] = [];
  for await (const stanza of readStanzas(createInterface({ input: text, crlfDelay: Infinity }))) {
    if (packages.length === limit) break;
    packages.push(parsePackage(stanza));
  }
  return { source, packages, names: missingNames(packages) };
}

export function missingNames(packages: readonly DebianPackage[]): readonly string[] {
  const known = new Set(packages.map((found) => found.name));
  const missing = new Set(
    packages
      .flatMap((found) => found.dependencies.map((dependency) => dependency.target))
      .filter((name) => !known.has(name)),
  );
  return [...missing].sort();
}

/** The packages of each section, each with the dependencies among them. */
export function bySection(archive: Archive): ReadonlyMap<string, readonly DebianPackage[]> {
  const sections = Map.groupBy(archive.packages, (found) => found.section);
  return new Map(
    [...sections]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([section, packages]) => {
        const own = new Set(packages.map((found) => found.name));
        return [
          section,
          packages.map((found) => ({
            ...found,
            dependencies: found.dependencies.filter((dependency) => own.has(dependency.target)),
          })),
        ];
      }),
  );
}

/** Tells an edge from its parallels. */
export function edgeKey({ relation, group, alternative }: Dependency): string {
  return `${relation}:${group}:${alternative}`;
}

export function packageId(name: string): string {
  return `package:${name}`;
}

export function nameId(name: string): string {
  return `name:${name}`;
}
