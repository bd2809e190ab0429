import type { Command } from 'commander';
import type { RunCommand } from './flags.ts';
import { addRestore } from './restore-program.ts';
import { addUpkeep } from './upkeep-program.ts';

/** Adds `restore`, `verify`, `snapshot` and `retention`. */
export function addRecoveryCommands(program: Command, run: RunCommand): void {
  addRestore(program, run);
  addUpkeep(program, run);
}
