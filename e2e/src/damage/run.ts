import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { damageAlone, type AloneReport } from './alone.ts';
import type { Flip, WorkerInput } from './worker.ts';

export interface DamageOptions {
  readonly seed: number;
  readonly s3: boolean;
  readonly workers: number;
  /** Of so many changes one is made; 1 for all. */
  readonly oneOf: number;
  /** Of so many bytes of canonical.db and mailbox.db one is changed. Default 1. */
  readonly fileBytesOneOf?: number;
  readonly aside: (line: string) => void;
}

export interface DamageRow {
  readonly object: string;
  readonly bytes: number;
  readonly bytesChanged: number;
  readonly changes: number;
  readonly byRestore: number;
  readonly restores: number;
  readonly byVerify: number;
  /** Code and count. */
  readonly codes: string;
}

export interface DamageReport {
  readonly rows: readonly DamageRow[];
  readonly alone: AloneReport;
  /** What was not told by a named error, by one of the two. */
  readonly undetected: readonly string[];
}

/** Changes every byte of every kind of object, one at a time, and asks restore and verify each time. */
export async function runDamage(options: DamageOptions): Promise<DamageReport> {
  const { seed, workers, aside } = options;
  const dir = mkdtempSync(join(tmpdir(), 'entdb-damage-'));
  const flips: Flip[] = [];
  const one = async (worker: number): Promise<void> => {
    const { s3, oneOf, fileBytesOneOf = 1 } = options;
    const own = join(dir, String(worker));
    const path = join(dir, `${worker}.json`);
    const input: WorkerInput = { dir: own, s3, seed, worker, workers, oneOf, fileBytesOneOf };
    writeFileSync(path, JSON.stringify(input));
    const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [path], {
      execArgv: [],
    });
    child.on('message', (flip: Flip) => {
      flips.push(flip);
      if (flips.length % 10_000 === 0) aside(`${flips.length} changes`);
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code !== 0) throw new Error(`a worker ended with ${String(code)}`);
  };
  try {
    const [alone] = await Promise.all([
      damageAlone(seed),
      ...Array.from({ length: workers }, (_, worker) => one(worker)),
    ]);
    const undetected = flips.flatMap(({ object, at, mask, restore, verify }) =>
      [restore, verify].flatMap((verdict) =>
        verdict === undefined || verdict.kind === 'detected'
          ? []
          : `${object}, byte ${at} xor ${mask}: ${JSON.stringify(verdict)}`,
      ),
    );
    return { rows: rowsOf(flips), alone, undetected: [...undetected, ...alone.undetected] };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function rowsOf(flips: readonly Flip[]): readonly DamageRow[] {
  return [...new Set(flips.map(({ object }) => object))].map((object) => {
    const own = flips.filter((flip) => flip.object === object);
    const codes = new Map<string, number>();
    for (const { restore } of own)
      if (restore?.kind === 'detected') codes.set(restore.code, (codes.get(restore.code) ?? 0) + 1);
    return {
      object,
      bytes: own[0]!.bytes,
      bytesChanged: new Set(own.map(({ at }) => at)).size,
      changes: own.length,
      restores: own.filter(({ restore }) => restore !== undefined).length,
      byRestore: own.filter(({ restore }) => restore?.kind === 'detected').length,
      byVerify: own.filter(({ verify }) => verify.kind === 'detected').length,
      codes: [...codes].map(([code, count]) => `${code} ${count}`).join(', '),
    };
  });
}
