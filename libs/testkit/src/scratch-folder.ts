import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that goes away with the test. */
export interface ScratchFolder {
  readonly path: string;
  remove(): void;
}

export function scratchFolder(name: string): ScratchFolder {
  const path = mkdtempSync(join(tmpdir(), `entdb-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
