import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { peakBytesOf } from './peak-bytes.ts';
import { batchesOf, startArchiving } from './archiving.ts';
import type { Place } from './stores.ts';
import { recordsFor } from './tenant.ts';
import { everything, runTool, type ToolRun } from './tool.ts';

/** What each tool needs at the most for a tenant of some size; each is a process of its own, which does nothing else. */
export interface MemoryOf {
  readonly megabytes: number;
  readonly records: number;
  readonly tools: ReadonlyMap<string, ToolRun>;
}

/** Long texts: a gigabyte is soon made of them. */
const scale = 8;

/** A tenant goes the whole way: from the log into the archive, into a snapshot, and back. */
export async function measureMemory(
  place: Place,
  dir: string,
  megabytes: number,
  aside: (line: string) => void,
): Promise<MemoryOf> {
  const records = recordsFor(megabytes, scale);
  const tenantId = `size-${records}`;
  const tools = new Map<string, ToolRun>();
  const folder = mkdtempSync(join(dir, 'memory-'));
  const note = (name: string, run: ToolRun): void => {
    tools.set(name, run);
    aside(`${megabytes} MB, ${name}: ${run.seconds.toFixed(1)} s, ${mib(run.peakBytes)} MiB`);
  };
  const run = async (name: string, args: readonly string[]) =>
    note(name, await runTool(place, [...args, '--tenant-id', tenantId]));
  const restore = async (name: string, more: readonly string[]) => {
    const target = join(folder, 'out');
    await run(name, ['restore', ...everything, '--output-dir', target, ...more]);
    rmSync(target, { recursive: true });
  };
  try {
    note('archiver', await archive(place, tenantId, records));
    await run('snapshot', ['snapshot']);
    await restore('restore', []);
    await restore('restore --from-scratch', ['--from-scratch']);
    for (const level of ['present', 'checksums', 'restore'])
      await run(`verify --level ${level}`, ['verify', '--archive-only', '--level', level]);
    return { megabytes, records, tools };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await removeAll(place, tenantId);
  }
}

async function archive(place: Place, tenantId: string, records: number): Promise<ToolRun> {
  try {
    await using archiving = await startArchiving(place);
    const { pid } = archiving.archiver;
    const started = performance.now();
    await archiving.archive(tenantId, batchesOf(tenantId, records, scale));
    const seconds = (performance.now() - started) / 1000;
    if (pid === undefined || archiving.archiver.restarts > 0) throw new Error('the archiver ended');
    return { seconds, peakBytes: peakBytesOf(pid) };
  } finally {
    rmSync(join(place.dataDir, 'log'), { recursive: true, force: true });
  }
}

async function removeAll({ store }: Place, tenantId: string): Promise<void> {
  for (const top of ['archive', 'snapshots']) {
    const keys: string[] = [];
    for await (const { key } of store.list({ prefix: `${top}/${tenantId}/` })) keys.push(key);
    await store.remove(keys);
  }
}

const mib = (bytes: number) => Math.round(bytes / 1024 ** 2);

export function describeMemory(sizes: readonly MemoryOf[]): string {
  const names = [...(sizes[0]?.tools.keys() ?? [])];
  const head = ['tool', ...sizes.map(({ megabytes }) => `${megabytes} MB`)];
  const rows = names.map((name) => [
    name,
    ...sizes.map(({ tools }) => {
      const { peakBytes = Number.NaN, seconds = Number.NaN } = tools.get(name) ?? {};
      return `${mib(peakBytes)} MiB, ${seconds.toFixed(1)} s`;
    }),
  ]);
  const table = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  '),
  );
  const records = sizes.map((size) => size.records).join(', ');
  return `memory: the most that each process had, and its time, for tenants of ${records} records\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
