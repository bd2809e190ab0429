/**
 * Who may import what, checked over the whole tree. Exits with 1 on a breach and on an empty tree:
 * a checker that sees nothing is not a checker that found nothing.
 */
import { fileURLToPath } from 'node:url';
import { check } from './check.ts';
import { readModules } from './read.ts';

const root = process.argv[2] ?? fileURLToPath(new URL('../../..', import.meta.url));
const modules = readModules(root);
const violations = check(modules);
const imports = modules.reduce((total, module) => total + module.imports.length, 0);

for (const { rule, where, what, advice } of violations) {
  console.log(`${where}  ${rule}: ${what}\n    ${advice}`);
}
console.log(
  `${modules.length} modules, ${imports} imports, ${violations.length} breaches of the import rules`,
);
if (modules.length === 0) console.log('No module was seen: run this at the root of the project.');
process.exitCode = modules.length > 0 && violations.length === 0 ? 0 : 1;
