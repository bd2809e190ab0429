/** A promise without its test is a wish: every test that docs/INVARIANTS.md names is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './documents.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const promises = read('docs/INVARIANTS.md')
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ name: text.split('\n')[0]!, text }));
const quoted = (text: string): readonly string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].map(([, inside]) => inside!);

describe('docs/INVARIANTS.md', () => {
  it('has the promises P1 to P10, in order', () => {
    expect(promises.map(({ name }) => name.split(' ')[0])).toEqual(
      Array.from({ length: 10 }, (_, i) => `P${i + 1}`),
    );
  });

  it.each(promises)('$name is held by tests that exist, or says that it is not yet', ({ text }) => {
    const files = quoted(text).filter((name) => name.endsWith('.ts'));
    const missing = files.filter((path) => !existsSync(join(projectRoot, path)));
    expect(missing).toEqual([]);
    const tests = files.filter(
      (path) => path.endsWith('.spec.ts') || path.includes('/conformance/'),
    );
    expect(tests).toEqual(files);
    expect(tests.length > 0 || text.includes('Held later')).toBe(true);
  });

  it('names only targets that make knows', () => {
    const makefile = read('Makefile');
    const targets = promises
      .flatMap(({ text }) => quoted(text))
      .filter((name) => name.startsWith('make '));
    expect(targets.length).toBeGreaterThan(0);
    for (const target of targets) expect(makefile).toMatch(new RegExp(`^${target.slice(5)}:`, 'm'));
  });
});
