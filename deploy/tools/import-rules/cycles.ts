import type { SourceModule } from './module.ts';

/**
 * One closed walk for each knot of modules that import each other, type imports included: two files
 * that need each other's types are one file, or three.
 */
export function findCycles(modules: readonly SourceModule[]): readonly (readonly string[])[] {
  const graph = new Map(modules.map(({ path, imports }) => [path, imports]));
  const done = new Set<string>();
  const trail: string[] = [];
  const cycles: string[][] = [];

  const visit = (path: string): void => {
    const imports = graph.get(path);
    if (!imports || done.has(path)) return;
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      cycles.push([...trail.slice(seenAt), path]);
      return;
    }
    trail.push(path);
    for (const { target } of imports) if (target.kind !== 'vendor') visit(target.path);
    trail.pop();
    done.add(path);
  };

  for (const { path } of modules) visit(path);
  return cycles;
}
