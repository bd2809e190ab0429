import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { classArchive, launch, prepare, untilReady } from './java.ts';
import { nodesOnFreePorts } from './ports.ts';
import { newClusterId } from './settings.ts';

/** Runs one broker once, for the JVM to keep the classes that a broker loads (AppCDS). */
export async function writeClassArchive(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'entdb-kafka-'));
  try {
    const nodes = await nodesOnFreePorts(1);
    const plan = { clusterId: newClusterId(), nodes };
    await prepare(dir, plan);
    for (const node of nodes) {
      const broker = await launch(dir, node, 'brief', [`-XX:ArchiveClassesAtExit=${classArchive}`]);
      await untilReady([broker], plan);
      broker.signal('SIGTERM');
      await broker.exited;
    }
  } finally {
    await rm(dir, { recursive: true });
  }
}
