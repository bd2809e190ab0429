/**
 * One runner for every package: a spec stands beside its file. Types are checked by `tsc -b`, not here.
 *
 * The name of a spec says what it needs beyond Node:
 *   x.spec.ts           nothing
 *   x.kafka.spec.ts     Kafka brokers            x.external.spec.ts  another external part
 *   x.slow.spec.ts      minutes rather than seconds
 * The last three run with CI=true or ENTDB_TEST_EXTERNAL=1, and there a missing part is a failure.
 */
import { assertNode } from './deploy/tools/node-version.js';

assertNode();

const everything = process.env.CI === 'true' || process.env.ENTDB_TEST_EXTERNAL === '1';

export default {
  testEnvironment: 'node',
  maxWorkers: 2,
  roots: ['libs', 'services', 'e2e', 'examples', 'deploy'].map((folder) => `<rootDir>/${folder}`),
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '/dist/',
    '/fixture/',
    ...(everything ? [] : ['\\.(kafka|external|slow)\\.spec\\.ts$']),
  ],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'commonjs' },
      },
    ],
  },
  testTimeout: 60_000,
};
