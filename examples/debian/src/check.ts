import { isDeepStrictEqual } from 'node:util';
import { edgeKey, nameId, packageId } from './archive.ts';
import type { DebianPackage } from './control-file.ts';
import { fieldsOf, type Load } from './load.ts';
import type { Progress } from './progress.ts';
import { Name, Package, type DebianClient, type DebianTenant } from './schema.ts';

export interface Check {
  /** Nodes and edges that were found as they were written. */
  readonly found: number;
  /** What was not: one line each. */
  readonly faults: readonly string[];
}

/**
 * Reads a tenant back and compares it with the source: every package field by field, all names, the number of edges; and of the packages in the
 * sample each dependency, field by field.
 */
export async function check(
  client: DebianClient,
  tenantId: string,
  { packages, names }: Load,
  sample: readonly DebianPackage[],
  progress: Pick<Progress, 'add'>,
): Promise<Check> {
  const tenant = client.tenant(tenantId);
  const faults: string[] = [];
  const edgeCount = packages.reduce((sum, item) => sum + item.dependencies.length, 0);

  const expected = new Map(packages.map((item) => [packageId(item.name), item]));
  let same = 0;
  for await (const node of tenant.query(Package).orderBy('name').pageSize(1_000)) {
    const source = expected.get(node.id);
    expected.delete(node.id);
    if (source && isDeepStrictEqual(node.fields, present(fieldsOf(source)))) same += 1;
    else faults.push(`package ${node.id} differs from its source`);
    progress.add(1);
  }
  for (const id of expected.keys()) faults.push(`package ${id} is lost`);

  const foundNames = new Set<string>();
  for await (const node of tenant.query(Name).pageSize(1_000)) foundNames.add(node.fields.name);
  for (const name of names) if (!foundNames.has(name)) faults.push(`name ${name} is lost`);
  const info = await tenant.info();
  if (info.nodeCount !== packages.length + names.length)
    faults.push(`there are ${info.nodeCount} nodes, not ${packages.length + names.length}`);
  if (info.edgeCount !== edgeCount)
    faults.push(`there are ${info.edgeCount} edges, not ${edgeCount}`);

  for (const item of sample) {
    faults.push(...(await checkOne(tenant, item, new Set(names))));
    progress.add(1);
  }
  return { found: same + foundNames.size + info.edgeCount, faults };
}

async function checkOne(
  tenant: DebianTenant,
  item: DebianPackage,
  names: ReadonlySet<string>,
): Promise<readonly string[]> {
  const node = await tenant.getByKey(Package, { name: item.name });
  if (!node || !isDeepStrictEqual(node.fields, present(fieldsOf(item))))
    return [`package ${item.name}, read by its name, differs from its source`];
  const edges = await tenant.edges(packageId(item.name), { pageSize: 1_000 }).all();
  const written = item.dependencies.map((dependency) => {
    const { relation, group, alternative, constraint, architecture, target } = dependency;
    const fields = {
      relation,
      group: BigInt(group),
      alternative: BigInt(alternative),
      constraint,
      architecture,
    };
    return [
      `${names.has(target) ? nameId(target) : packageId(target)} ${edgeKey(dependency)}`,
      present(fields),
    ] as const;
  });
  const read = edges.map((edge) => [`${edge.to} ${edge.key}`, edge.fields] as const);
  if (!isDeepStrictEqual(new Map(read), new Map(written)))
    return [`the ${written.length} dependencies of ${item.name} differ from their source`];
  return [];
}

/** Without the fields that are absent. */
function present<T extends object>(fields: T): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
