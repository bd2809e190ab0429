/**
 * Follows the README and each guide as a person would. External because they show grpcurl and Kafka
 * as well; there is no half of a document.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSteps } from './blocks.ts';
import { documents, projectRoot } from './documents.ts';
import { followDocument } from './session.ts';

const PATIENCE_MS = 5 * 60_000;

describe('documents', () => {
  it('begin with a README that runs something', () => {
    const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
    expect(parseSteps(readme).map(({ kind }) => kind)).toContain('run');
  });

  it.each(documents())(
    '%s does what it says',
    async (path) => {
      const steps = parseSteps(readFileSync(join(projectRoot, path), 'utf8'));
      await followDocument(steps, { root: projectRoot, patienceMs: PATIENCE_MS });
    },
    10 * 60_000,
  );
});
