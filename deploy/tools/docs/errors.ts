/**
 * The pages of docs/errors: their heads and their index come from the table of codes in libs/base; what a person should check and do
 * is written by hand below the head.
 *
 *     node deploy/tools/docs/errors.ts            says what is out of date, and fails
 *     node deploy/tools/docs/errors.ts --write    brings it up to date; makes a page for a new code, to be filled in
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCodes, type ErrorCode } from '@entdb/base';

const folder = fileURLToPath(new URL('../../../docs/errors/', import.meta.url));
const codes = Object.keys(errorCodes) as ErrorCode[];
const skeleton = '## Cause\n\n## What to check\n\n## Fix\n';

/** gRPC spells one of them in its own way. */
function grpcStatus(code: ErrorCode): string {
  const { status } = errorCodes[code];
  return status === 'canceled' ? 'CANCELLED' : status.toUpperCase();
}

function head(code: ErrorCode): string {
  const { meaning, retriable } = errorCodes[code];
  const answer = retriable ? 'yes' : 'no';
  return `# ${code}\n\n${meaning}\n\n- gRPC status: \`${grpcStatus(code)}\`\n- Retriable: ${answer}\n\n`;
}

function page(code: ErrorCode, before: string): string {
  const body = before.slice(Math.max(before.indexOf('## '), 0));
  return head(code) + (body || skeleton);
}

function index(): string {
  const rows = codes.map(
    (code) =>
      `| [${code}](${code}.md) | \`${grpcStatus(code)}\` | ${errorCodes[code].retriable ? 'yes' : 'no'} | ${errorCodes[code].meaning} |`,
  );
  return `# Errors

Every error has one of these codes, on every protocol. *Retriable* means that the same request, with the same idempotency key, may
succeed later; the SDK retries those by itself. \`entdb explain <CODE>\` prints a page.

| code | gRPC status | retriable | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

const wanted = new Map([
  ['README.md', index()],
  ...codes.map((code): [string, string] => {
    const path = join(folder, `${code}.md`);
    return [`${code}.md`, page(code, existsSync(path) ? readFileSync(path, 'utf8') : '')];
  }),
]);

const write = process.argv.includes('--write');
const outdated = [...wanted].filter(([name, text]) => {
  const path = join(folder, name);
  return !existsSync(path) || readFileSync(path, 'utf8') !== text;
});
const orphans = readdirSync(folder).filter((name) => !wanted.has(name));

for (const [name, text] of outdated) {
  if (write) writeFileSync(join(folder, name), text);
  console.log(`${write ? 'wrote' : 'out of date:'} docs/errors/${name}`);
}
for (const name of orphans) console.log(`no code has this page, delete it: docs/errors/${name}`);
if (orphans.length > 0 || (outdated.length > 0 && !write)) process.exitCode = 1;
