import { spawnSync } from 'node:child_process';
import { packageId, type Archive } from './archive.ts';
import { format } from './progress.ts';
import { Package, type DebianClient } from './schema.ts';

/** Asks the loaded archive what people ask of a package index, and prints the answers. */
export async function ask(
  client: DebianClient,
  tenantId: string,
  archive: Archive,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const tenant = client.tenant(tenantId);
  const faults: string[] = [];
  const favourite = 'git';

  say(`What depends on ${favourite}?`);
  const direct = new Set<string>();
  for await (const edge of tenant.edges(packageId(favourite), { direction: 'in', pageSize: 1_000 }))
    direct.add(edge.from.slice('package:'.length));
  const inSource = archive.packages
    .filter((item) => item.dependencies.some((dependency) => dependency.target === favourite))
    .map((item) => item.name);
  if (direct.size !== inSource.length || inSource.some((name) => !direct.has(name)))
    faults.push(`those that depend on ${favourite} differ from the source`);
  say(`  ${format(direct.size)} packages: ${sampleOf([...direct].sort())}`);
  const apt = aptRdepends(favourite);
  if (apt && archive.source.startsWith('apt-cache')) {
    // apt also counts older and newer versions of a package; each of ours must be among its answers.
    const unknown = [...direct].filter((name) => !apt.has(name));
    if (unknown.length > 0)
      faults.push(`apt-cache rdepends does not know of ${unknown.join(', ')}`);
    say(
      `  apt-cache rdepends names ${format(apt.size)} over all versions; ours are all among them: ${unknown.length === 0 ? 'yes' : 'NO'}`,
    );
  }

  say(`What would be touched by a change of ${favourite}, to depth 3?`);
  const closure = await tenant.neighbors(packageId(favourite), {
    direction: 'in',
    depth: 3,
    limit: 10_000,
  });
  const byDepth = [1, 2, 3].map(
    (depth) => closure.neighbors.filter((neighbor) => neighbor.depth === depth).length,
  );
  say(
    `  ${byDepth.map((count, i) => `${format(count)} at depth ${i + 1}`).join(', ')}${closure.truncated ? ' (and more)' : ''}`,
  );
  const wanted = reverseClosure(archive, favourite, 3);
  if (!closure.truncated && wanted.size !== closure.neighbors.length)
    faults.push(`the closure has ${closure.neighbors.length} packages, not ${wanted.size}`);

  say('Which packages speak of a "text editor"?');
  const hits = await tenant.search(Package, 'text editor', { pageSize: 1_000 }).all();
  const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  const speaking = archive.packages.filter(
    ({ description }) => words(description).has('text') && words(description).has('editor'),
  );
  if (hits.length !== speaking.length)
    faults.push(`full-text search finds ${hits.length} packages, not ${speaking.length}`);
  say(`  ${format(hits.length)} packages: ${sampleOf(hits.map((node) => node.fields.name))}`);

  say('Which are the largest when installed?');
  const largest = (
    await tenant
      .query(Package)
      .where((item) => item.installedSize.exists())
      .orderBy('installedSize', 'desc')
      .pageSize(5)
      .page()
  ).items;
  for (const { fields } of largest)
    say(
      `  ${format(Math.round(Number(fields.installedSize ?? 0n) / 1024)).padStart(8)} MiB  ${fields.name} ${fields.version}`,
    );
  const sizes = archive.packages
    .map((item) => item.installedSize ?? -1n)
    .sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  largest.forEach(({ fields }, i) => {
    if (fields.installedSize !== sizes[i])
      faults.push(`place ${i + 1} by size is ${fields.name}, which is not right`);
  });
  return faults;
}

function sampleOf(names: readonly string[]): string {
  return names.length <= 6 ? names.join(', ') : `${names.slice(0, 6).join(', ')}, …`;
}

/** Packages from which the name is reached in up to so many steps. */
function reverseClosure(archive: Archive, name: string, depth: number): ReadonlySet<string> {
  const dependants = Map.groupBy(
    archive.packages.flatMap((item) =>
      item.dependencies.map((dependency) => ({ from: item.name, to: dependency.target })),
    ),
    (edge) => edge.to,
  );
  const seen = new Set([name]);
  let front = [name];
  for (let step = 0; step < depth; step += 1) {
    front = [
      ...new Set(front.flatMap((to) => (dependants.get(to) ?? []).map((edge) => edge.from))),
    ].filter((from) => !seen.has(from));
    for (const from of front) seen.add(from);
  }
  seen.delete(name);
  return seen;
}

function aptRdepends(name: string): ReadonlySet<string> | undefined {
  const flags = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
    (kind) => `--no-${kind}`,
  );
  const run = spawnSync('apt-cache', ['rdepends', ...flags, name], { encoding: 'utf8' });
  if (run.status !== 0) return undefined;
  return new Set(
    run.stdout
      .split('\n')
      .slice(2)
      .map((line) => line.replace(/^[ |]+/, ''))
      .filter((line) => line !== ''),
  );
}
