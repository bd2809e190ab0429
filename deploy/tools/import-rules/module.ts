/**
 * What the rules judge: a source file as its path, its imports and the ambient powers it uses.
 *
 * Paths are relative to the tree that is checked and use `/`, so a rule reads like the layout page.
 */
export interface SourceModule {
  readonly path: string;
  readonly imports: readonly Import[];
  readonly uses: readonly Use[];
}

export interface Import {
  readonly specifier: string;
  readonly target: Target;
  readonly line: number;
}

/** Where an import leads. `path` is a file of the tree; a workspace import names the file of its door. */
export type Target =
  | { readonly kind: 'relative'; readonly path: string }
  | {
      readonly kind: 'workspace';
      readonly package: string;
      readonly door: string;
      readonly path: string;
    }
  | { readonly kind: 'vendor'; readonly package: string };

/** Something the process gives to anyone who asks, and that makes a run unrepeatable or untestable. */
export type Power = 'env' | 'clock' | 'random' | 'console';

export interface Use {
  readonly power: Power;
  readonly text: string;
  readonly line: number;
}

/**
 * The package a file belongs to: `libs/wal`, `services/gateway`, `deploy/tools`, or a whole top-level
 * folder such as `e2e`.
 */
export function packageOf(path: string): string {
  const [top = '', name = ''] = path.split('/');
  const nested = top === 'libs' || top === 'services' || top === 'examples';
  return nested || path.startsWith('deploy/tools/') ? `${top}/${name}` : top;
}

export const isSpec = (path: string): boolean => path.endsWith('.spec.ts');

/** Code that never ships: specs, the suites a port must pass, test doubles, and the black-box tests. */
export const isTestCode = (path: string): boolean =>
  isSpec(path) ||
  /\/conformance(\.ts$|\/)/.test(path) ||
  path.includes('/testing/') ||
  path.startsWith('libs/testkit/') ||
  path.startsWith('e2e/');

/** Programs for people at a terminal; they own their process, its clock and its output. */
export const isTool = (path: string): boolean =>
  path.startsWith('deploy/') || path.startsWith('examples/');
