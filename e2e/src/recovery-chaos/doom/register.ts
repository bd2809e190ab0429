/**
 * Loaded before a program of ours, which is otherwise as it is: its ports are watched, and it dies at the moment that it was told. Three packages are
 * replaced by themselves with a watcher around, and so are the renames and writes of node:fs. Its threads load it, too.
 */
import fs from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { listenForDoom, reach } from './moment.ts';

listenForDoom();
const watched: Readonly<Record<string, string>> = {
  '@entdb/object-store': './object-store.ts',
  '@entdb/wal': './wal.ts',
  '@entdb/tenant-store': './tenant-store.ts',
};
const here = new URL('.', import.meta.url).href;
registerHooks({
  resolve(specifier, context, next) {
    const own = watched[specifier];
    if (own === undefined || context.parentURL?.startsWith(here) === true)
      return next(specifier, context);
    return { url: new URL(own, here).href, shortCircuit: true, format: 'module-typescript' };
  },
});

const { renameSync, writeFileSync } = fs;
fs.renameSync = (from, to) => {
  const what = nameOf(String(from), String(to));
  reach(`before rename ${what}`);
  renameSync(from, to);
  reach(`after rename ${what}`);
};
fs.writeFileSync = (path, ...rest) => {
  const isReport = typeof path === 'string' && basename(path) === 'report.json';
  if (isReport) reach('before write report');
  writeFileSync(path, ...rest);
  if (isReport) reach('after write report');
};
syncBuiltinESMExports();

/** A base that has arrived, the old files that make room, or the new ones that take their place. */
function nameOf(from: string, to: string): string {
  if (basename(from).endsWith('incoming')) return 'incoming';
  if (basename(to) === 'replaced') return 'target';
  return basename(from);
}
