/** better-sqlite3 segfaults on Node below 22.14: an entry point says so in one line instead. */
export function assertNodeVersion(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 6)) return;
  process.stderr.write(
    `EntDB needs Node 24.6 or later and this is ${version}: start it with "make", which brings its own Node.\n`,
  );
  process.exit(78);
}
