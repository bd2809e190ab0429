/**
 * Everything that can be judged without running the product, in one command. Each step runs even when
 * one before it failed: a person mends three things in one go. Exits with 1 if any step failed.
 */
import { fileURLToPath } from 'node:url';
import { generatedCode, lintFixture, protoBreaking, types } from './compare.ts';
import { command, type Outcome } from './outcome.ts';

interface Step {
  readonly name: string;
  readonly mend: string;
  readonly run: () => Outcome;
}

const STEPS: readonly Step[] = [
  { name: 'format', mend: 'make fmt', run: () => command('oxfmt', '--check', '.') },
  { name: 'lint', mend: 'read the advice above', run: () => command('oxlint', '.') },
  { name: 'lint finds planted faults', mend: 'restore the lint configuration', run: lintFixture },
  { name: 'types', mend: 'read the faults above', run: types },
  { name: 'generated code up to date', mend: 'make gen, and commit it', run: generatedCode },
  {
    name: 'error pages up to date',
    mend: 'make gen, fill in new pages, and commit them',
    run: () => command('node', 'deploy/tools/docs/errors.ts'),
  },
  {
    name: 'reference pages up to date',
    mend: 'make gen, and commit them',
    run: () => command('node', 'deploy/tools/docs/reference.ts'),
  },
  { name: 'protobuf lint', mend: 'read the advice above', run: () => command('buf', 'lint') },
  {
    name: 'protobuf breaking',
    mend: 'add fields and messages; never change or reuse them',
    run: protoBreaking,
  },
  {
    name: 'import rules',
    mend: 'read the advice above',
    run: () => command('node', 'deploy/tools/import-rules/main.ts'),
  },
  {
    name: 'import rules find planted breaches',
    mend: 'restore the rule, or plant a breach for the new one',
    run: () => command('jest', 'deploy/tools/import-rules'),
  },
];

process.chdir(fileURLToPath(new URL('../../..', import.meta.url)));

const failed: Step[] = [];
for (const step of STEPS) {
  const started = performance.now();
  const { ok, output } = step.run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
  if (!ok) {
    failed.push(step);
    console.log(output.trimEnd());
  }
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${seconds} s  ${step.name}`);
}

console.log();
for (const { name, mend } of failed) console.log(`${name} failed; to mend it: ${mend}`);
console.log(`Check: ${STEPS.length - failed.length} of ${STEPS.length} steps passed`);
process.exitCode = failed.length === 0 ? 0 : 1;
