import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { createClient } from '@entdb/client';
import { startDemoFleet } from './fleet.ts';
import { bySection, readArchive } from './archive.ts';
import { check } from './check.ts';
import { load, sizeOf, type Load } from './load.ts';
import { createProgress, format } from './progress.ts';
import { ask } from './questions.ts';
import { shuffled } from './sample.ts';
import { schema } from './schema.ts';

/** `make demo`: Debian's package index, written through the client, applied by another process, read back, and compared with its source. */
assertNodeVersion();

const { values } = parseArgs({
  options: {
    /** A fleet that runs already. Without it the demo starts one of its own and removes its data in the end. */
    endpoint: { type: 'string' },
    /** The demo's own fleet runs on Kafka: on ENTDB_KAFKA_BROKERS, or on three brokers that it starts. */
    kafka: { type: 'boolean', default: false },
    /** Only so many packages. */
    limit: { type: 'string', default: 'Infinity' },
    /** The extract kept with this example instead of apt's index. */
    extract: { type: 'boolean', default: false },
    sample: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const aside = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<boolean> {
  const started = performance.now();
  const archive = await readArchive({ extract: values.extract, limit: Number(values.limit) });
  const edges = archive.packages.reduce((sum, item) => sum + item.dependencies.length, 0);
  say(
    `Source: ${archive.source}: ${format(archive.packages.length)} packages, ${format(archive.names.length)} names without a package, ${format(edges)} dependencies`,
  );
  if (!archive.source.startsWith('apt-cache'))
    aside('apt-cache is not used here, or its lists are empty (try: apt-get update)');

  const dir = mkdtempSync(join(tmpdir(), 'entdb-demo-'));
  const fleet =
    values.endpoint === undefined
      ? await startDemoFleet({ dir, kafka: values.kafka, aside })
      : undefined;
  const client = createClient({
    endpoint: values.endpoint ?? fleet!.endpoint,
    schema,
    timeoutMs: 120_000,
  });
  try {
    const progress = createProgress(process.stderr);
    const sample = shuffled(archive.packages, Number(values.seed)).slice(0, Number(values.sample));
    const faults: string[] = [];
    let written = 0;
    let found = 0;

    const sections = [...bySection(archive)].map(([section, packages]) => ({
      tenantId: sectionTenant(section),
      packages,
      names: [],
    }));
    const loads = [{ tenantId: 'debian', ...archive }, ...sections];
    const sizes = (of: readonly Load[]) => of.reduce((sum, each) => sum + sizeOf(each), 0);

    progress.begin('writing the archive', sizes(loads.slice(0, 1)));
    written += await load(client, 'debian', archive, progress);
    progress.end();
    progress.begin(`writing ${sections.length} sections`, sizes(sections));
    for (const section of sections)
      written += await load(client, section.tenantId, section, progress);
    progress.end();

    faults.push(...(await ask(client, 'debian', archive, say)));

    say(
      `Reading everything back; ${format(sample.length)} packages with each of their dependencies (seed ${values.seed}).`,
    );
    progress.begin(
      'reading back',
      loads.reduce((sum, each) => sum + each.packages.length, sample.length),
    );
    for (const each of loads) {
      const part = await check(
        client,
        each.tenantId,
        each,
        each.tenantId === 'debian' ? sample : [],
        progress,
      );
      found += part.found;
      faults.push(...part.faults.map((fault) => `${each.tenantId}: ${fault}`));
    }
    progress.end();
    for (const fault of faults.slice(0, 20)) say(`FAULT: ${fault}`);
    if (faults.length > 20) say(`… and ${faults.length - 20} more`);
    say(
      `${format(loads.length)} tenants, ${((performance.now() - started) / 1000).toFixed(0)} s: written ${format(written)}, read back ${format(found)}, lost ${format(written - found)}`,
    );
    return faults.length === 0 && written === found;
  } finally {
    await client.close();
    await fleet?.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Sections may be named non-free/libs; a tenant id has no slash. */
function sectionTenant(section: string): string {
  return `debian-${section.replaceAll('/', '_')}`;
}

process.exitCode = (await main()) ? 0 : 1;
