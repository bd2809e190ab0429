import { globSync } from 'node:fs';
import { resolve } from 'node:path';

/** Jest and the tools start at the root of the project. */
export const projectRoot = resolve('.');

/** What a person follows with a terminal at hand: the README and the guides. */
export const documents = (): readonly string[] =>
  globSync(['README.md', 'docs/guides/*.md'], { cwd: projectRoot }).toSorted();
