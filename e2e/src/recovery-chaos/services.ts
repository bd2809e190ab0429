import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startProgram, type Program } from './program.ts';
import type { Step } from './steps.ts';
import type { Surroundings } from './surroundings.ts';

export type ServiceKind = 'archiver' | 'snapshotter';

/** The two services that run all the time, each started again by the conductor when it has been killed. */
export interface Services {
  readonly running: (kind: ServiceKind) => Program;
  /** Starts the one that is dead; doomed to a step, where one is told. */
  start(kind: ServiceKind, doom?: { readonly step: Step; readonly times: number }): void;
  kill(kind: ServiceKind): Promise<void>;
  /** Throws away the snapshotter's working copies, while it is dead. */
  dropCache(): void;
  /** SIGTERM; resolves with the exit codes. */
  stop(): Promise<readonly (number | null)[]>;
}

/** A snapshot is due after so many records, or two seconds. */
export const snapshotRecords = 60;

const settings: Readonly<Record<ServiceKind, Readonly<Record<string, string>>>> = {
  archiver: {
    ENTDB_ARCHIVE_SEGMENT_BYTES: '512KiB',
    ENTDB_ARCHIVE_MAX_AGE: '600ms',
    ENTDB_ARCHIVE_IDLE: '250ms',
    ENTDB_STATUS_INTERVAL: '50ms',
  },
  snapshotter: {
    ENTDB_SNAPSHOT_INTERVAL: '2s',
    ENTDB_SNAPSHOT_RECORDS: String(snapshotRecords),
    ENTDB_SNAPSHOT_POLL: '100ms',
    ENTDB_SNAPSHOT_PARALLEL: '1',
  },
};

export function startServices({ env, dir }: Surroundings): Services {
  const programs = new Map<ServiceKind, Program>();
  const cacheDir = join(dir, 'cache');
  const running = (kind: ServiceKind): Program => {
    const program = programs.get(kind);
    if (!program) throw new Error(`the ${kind} was not started`);
    return program;
  };
  const start: Services['start'] = (kind, doom) => {
    const program = startProgram({
      kind,
      env: {
        ...env,
        ...settings[kind],
        ENTDB_SNAPSHOT_CACHE_DIR: cacheDir,
        ENTDB_RPC_PORT: '0',
        ENTDB_HTTP_PORT: '0',
        ENTDB_INSTANCE: `${kind}-0`,
      },
      signDir: dir,
      ...(doom && { doom }),
    });
    programs.set(kind, program);
  };
  const end = async (kind: ServiceKind, signal: NodeJS.Signals) => {
    const program = running(kind);
    program.signal(signal);
    return program.exited;
  };
  start('archiver');
  start('snapshotter');
  return {
    running,
    start,
    kill: async (kind) => void (await end(kind, 'SIGKILL')),
    dropCache: () => rmSync(cacheDir, { recursive: true, force: true }),
    stop: async () => [await end('archiver', 'SIGTERM'), await end('snapshotter', 'SIGTERM')],
  };
}
