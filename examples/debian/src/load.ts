import { edgeKey, nameId, packageId } from './archive.ts';
import type { DebianPackage } from './control-file.ts';
import type { Progress } from './progress.ts';
import { DependsOn, Name, Package, type DebianClient, type DebianPlan } from './schema.ts';

export interface Load {
  readonly packages: readonly DebianPackage[];
  readonly names: readonly string[];
}

const nodesInTransaction = 100;
const edgesInTransaction = 400;
/** Transactions on their way at the same time. */
const outstanding = 64;

/**
 * Writes packages, names and edges into a tenant; resolves when all of it is applied. Keys are made from the content's place, so that a
 * second run writes nothing new. Returns the number of nodes and edges that were acknowledged.
 */
export async function load(
  client: DebianClient,
  tenantId: string,
  { packages, names }: Load,
  progress: Pick<Progress, 'add'>,
): Promise<number> {
  const tenant = client.tenant(tenantId);
  const ids = new Map([
    ...names.map((name) => [name, nameId(name)] as const),
    ...packages.map(({ name }) => [name, packageId(name)] as const),
  ]);
  let written = 0;

  const write = async <T>(
    what: string,
    items: readonly T[],
    size: number,
    put: (plan: DebianPlan, item: T) => void,
  ) => {
    const chunks = Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
      items.slice(i * size, (i + 1) * size),
    );
    const queue = chunks.entries();
    const worker = async () => {
      for (const [index, chunk] of queue) {
        await tenant.atomic((plan) => chunk.forEach((item) => put(plan, item)), {
          idempotencyKey: `load-${what}-${index}-of-${chunks.length}`,
          timeoutMs: 120_000,
        });
        written += chunk.length;
        progress.add(chunk.length);
      }
    };
    await Promise.all(Array.from({ length: Math.min(outstanding, chunks.length) }, worker));
  };

  await write('packages', packages, nodesInTransaction, (plan, item) => {
    plan.create(Package, fieldsOf(item), { id: packageId(item.name) });
  });
  await write('names', names, nodesInTransaction, (plan, name) => {
    plan.create(Name, { name }, { id: nameId(name) });
  });
  // Edges need both their ends, so they come when all nodes are there.
  const edges = packages.flatMap((from) =>
    from.dependencies.map((dependency) => ({ from, dependency })),
  );
  await write('edges', edges, edgesInTransaction, (plan, { from, dependency }) => {
    const { relation, group, alternative, constraint, architecture, target } = dependency;
    const to = ids.get(target);
    if (to === undefined)
      throw new Error(`${from.name} depends on ${target}, which is neither a package nor a name`);
    plan.link(
      DependsOn,
      packageId(from.name),
      to,
      { relation, group, alternative, constraint, architecture },
      { key: edgeKey(dependency) },
    );
  });
  return written;
}

/** A package as the database has it. What the index does not say stays absent. */
export function fieldsOf(item: DebianPackage) {
  const {
    name,
    version,
    section,
    priority,
    architecture,
    maintainer,
    installedSize,
    size,
    homepage,
    description,
    sha256,
    essential,
    tags,
  } = item;
  return {
    name,
    version,
    section,
    priority,
    architecture,
    maintainer,
    installedSize,
    size,
    homepage,
    description,
    sha256: sha256 === undefined ? undefined : new Uint8Array(Buffer.from(sha256, 'hex')),
    essential,
    tags,
  };
}

/** Nodes and edges of a load. */
export function sizeOf({ packages, names }: Load): number {
  return (
    packages.length +
    names.length +
    packages.reduce((sum, item) => sum + item.dependencies.length, 0)
  );
}
