/**
 * Plain JavaScript on purpose: it must load on the very Node it refuses. Native modules crash there
 * without a word, so the word comes from here.
 */
export function assertNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 6)) return;
  process.stderr.write(
    `EntDB needs Node 24.6 or newer and this is ${process.version}: use the make targets, they bring the right one.\n`,
  );
  process.exit(1);
}
