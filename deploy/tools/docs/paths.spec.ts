/** A page that sends its reader to a place that is not there is worse than none: paths in backquotes and links lead somewhere. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from './documents.ts';

const pages = globSync(['*.md', 'docs/**/*.md', '{libs,services,deploy,examples}/**/*.md'], {
  cwd: projectRoot,
  exclude: (name) => ['node_modules', 'dist', 'fixture'].includes(name),
}).toSorted();
const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const inProse = (text: string): string => text.replaceAll(/^(`{3,})[\s\S]*?^\1$/gm, '');

const PLACE = /`((?:libs|services|proto|deploy|docs|e2e|examples)\/[\w./-]+)`/g;
const LINK = /\]\((?!https?:)([^)\s]*)\)/g;
const HEADING = /^#+ (.+)$/gm;

const placesIn = (text: string) => [...inProse(text).matchAll(PLACE)].map(([, path]) => path!);
const linksIn = (text: string) => [...inProse(text).matchAll(LINK)].map(([, link]) => link!);

/** As forges make them of headings. */
const anchorsIn = (text: string): readonly string[] =>
  [...inProse(text).matchAll(HEADING)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

function isDeadLink(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(projectRoot, target))) return true;
  return anchor !== undefined && !anchorsIn(read(target)).includes(anchor);
}

describe('the pages of this project', () => {
  it('are seen, and name places', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/ARCHITECTURE.md']));
    expect(placesIn(read('docs/ARCHITECTURE.md')).length).toBeGreaterThan(20);
    expect(placesIn(read('docs/FAILURE_MODES.md')).length).toBeGreaterThan(20);
  });

  it.each(pages)('%s leads to places that are there', (page) => {
    const text = read(page);
    const missing = placesIn(text).filter((path) => !existsSync(join(projectRoot, path)));
    const dead = linksIn(text).filter((link) => isDeadLink(page, link));
    expect({ missing, dead }).toEqual({ missing: [], dead: [] });
  });

  it('list every decision', () => {
    const decisions = globSync('docs/decisions/[0-9]*.md', { cwd: projectRoot }).toSorted();
    const listed = linksIn(read('docs/decisions/README.md')).map(
      (name) => `docs/decisions/${name}`,
    );
    expect(listed).toEqual(decisions);
  });

  it.each(pages)('%s names only targets that make knows', (page) => {
    const makefile = read('Makefile');
    const named = [...inProse(read(page)).matchAll(/`make ([a-z][a-z-]*)/g)].map(([, it]) => it!);
    expect(named.filter((name) => !new RegExp(`^${name}:`, 'm').test(makefile))).toEqual([]);
  });
});
