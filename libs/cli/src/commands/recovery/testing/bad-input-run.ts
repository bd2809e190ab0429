import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectStore } from '@entdb/object-store';
import { runEntdb, type Ended } from './archive.ts';
import { badInputs, type BadInput } from './bad-input.ts';
import { patientIn, type Patient } from './harm.ts';

export interface Ward {
  readonly store: ObjectStore;
  readonly env: Readonly<Record<string, string>>;
  /** A folder of the test. */
  readonly dir: string;
  readonly title: string;
}

const finished = ['canonical.db', 'mailbox.db', 'report.json'];

/** What is in a folder; nothing where it is not there. */
export const inside = (path: string): readonly string[] =>
  existsSync(path) ? readdirSync(path).toSorted() : [];

/** A command that restores into a folder of its own, with a folder for temporary files of its own. */
export function runInto(
  dir: string,
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Ended & { readonly out: string; readonly left: readonly string[] } {
  const out = join(dir, 'out', name);
  const tmp = join(dir, 'tmp', name);
  mkdirSync(tmp, { recursive: true });
  const ended = runEntdb(['restore', ...args, '--output-dir', out], { ...env, TMPDIR: tmp });
  return { ...ended, out, left: inside(tmp) };
}

/** One line of the table for each case, and the assertion that it is so. */
export function describeBadInput(ward: () => Ward): void {
  const rows: string[] = [];
  let stranger: Patient;
  beforeAll(async () => {
    stranger = await patientIn(ward().store, 'stranger');
  });
  afterAll(() => {
    process.stdout.write(`${ward().title}\n${rows.join('\n')}\n`);
  });

  it.each(
    badInputs.map((input, i) => ({ ...input, tenantId: `t${i}`, end: input.code ?? 'restored' })),
  )(
    '$name: $status, $end',
    async ({ tenantId, ...input }: BadInput & { readonly tenantId: string }) => {
      const { store, env, dir } = ward();
      const patient = await patientIn(store, tenantId, stranger);
      await input.harm?.(patient);
      const args = [...input.args(patient), '--tenant-id', tenantId];
      const ended = runInto(dir, tenantId, args, { ...env, ...input.env });
      const { status, stdout, stderr, out, left } = ended;
      const [, code] = /^([A-Z_]+): /m.exec(stderr) ?? [];
      rows.push(
        `  ${input.name} -> ${status}, ${code ?? 'restored'}, ${input.named(patient).trim()}`,
      );
      expect({ status, code, left }).toEqual({ status: input.status, code: input.code, left: [] });
      expect(stdout + stderr).toContain(input.named(patient));
      expect(stdout + stderr).toContain(input.says);
      if (input.code !== undefined) expect(stderr).toMatch(/^ {2}Try: /m);
      // Whole, or not at all: nothing half-written, and nothing beside it.
      expect(inside(out)).toEqual(input.code === undefined ? [tenantId] : []);
      expect(inside(join(out, tenantId))).toEqual(input.code === undefined ? finished : []);
    },
  );
}
