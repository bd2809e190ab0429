import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { val } from '@entdb/contracts';
import { createLiveTenant, dump, type TenantDir } from '../write/testing/tenant-dir.ts';
import { op, tenantId } from '../write/testing/log.ts';
import { openTenantWriter } from '../write/writer.ts';
import { exportTenant } from './export.ts';
import { keptDigest, keptDigests, tenantFacts } from './facts.ts';
import { holdFile } from './hold.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entdb-transfer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('an export', () => {
  it('has every row, also what stands in the -wal alone, and nothing beside the two files', () => {
    const live = createLiveTenant();
    for (let n = 0; n < 20; n++)
      live.apply({ operations: [op.create(`n${n}`, { 1: val.int(BigInt(n)) })] });
    const target = join(folder, 'copy');
    const facts = exportTenant({ dir: live.tenant.dir, tenantId, target });
    expect(facts.position).toEqual(live.writer.position);
    expect(facts.digests).toEqual(live.writer.digests());
    expect(readdirSync(target).sort()).toEqual(['canonical.db', 'mailbox.db']);
    const copy = openTenantWriter({ dir: target, tenantId, create: false, check: 'quick' });
    copy.scrub();
    copy.close();
    const asTenant = { ...live.tenant, dir: target, sql: sqlAt(target) };
    const before = dump(live.tenant);
    live.close();
    expect(dump(asTenant)).toEqual(before);
  });

  it('refuses a target that is there already', () => {
    const live = createLiveTenant();
    live.apply({ operations: [op.create('a')] });
    const target = join(folder, 'copy');
    exportTenant({ dir: live.tenant.dir, tenantId, target });
    const first = readFileSync(join(target, 'canonical.db'));
    expect(() => exportTenant({ dir: live.tenant.dir, tenantId, target })).toThrow();
    expect(readFileSync(join(target, 'canonical.db'))).toEqual(first);
    live.close();
  });

  it('knows the digest after each record', () => {
    const live = createLiveTenant();
    const seen: string[] = [];
    for (let n = 0; n < 5; n++) {
      live.apply({ operations: [op.create(`n${n}`)] });
      seen.push(live.writer.digests().canonical);
    }
    expect(seen.map((_, offset) => keptDigest(live.tenant.dir, tenantId, offset))).toEqual(seen);
    expect(keptDigest(live.tenant.dir, tenantId, 5)).toBeUndefined();
    expect(keptDigests(live.tenant.dir, tenantId, [4, 6, 2])).toEqual(
      new Map([
        [2, { offset: 1, canonical: seen[1] }],
        [4, { offset: 3, canonical: seen[3] }],
      ]),
    );
    expect(tenantFacts(live.tenant.dir, tenantId).digests.canonical).toBe(seen.at(-1));
    live.close();
  });
});

describe('a held file', () => {
  it('cannot be held twice, and is free after its release', () => {
    const path = join(folder, 'lock.db');
    const first = holdFile(path);
    expect(first).toBeDefined();
    expect(holdFile(path)).toBeUndefined();
    first!.release();
    const second = holdFile(path);
    expect(second).toBeDefined();
    second!.release();
  });

  it('cannot be held while a writer has it open and idle', () => {
    const live = createLiveTenant();
    const path = join(live.tenant.dir, 'canonical.db');
    live.apply({ operations: [op.create('a')] });
    expect(holdFile(path)).toBeUndefined();
    live.writer.close();
    const hold = holdFile(path);
    expect(hold).toBeDefined();
    hold!.release();
    live.tenant.remove();
  });

  it('is free when its process was killed', async () => {
    const path = join(folder, 'lock.db');
    const child = spawn(process.execPath, [
      '-e',
      `import(${JSON.stringify(join(__dirname, 'hold.ts'))}).then(({ holdFile }) => { globalThis.hold = holdFile(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000); })`,
    ]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(holdFile(path)).toBeUndefined();
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    const hold = holdFile(path);
    expect(hold).toBeDefined();
    hold!.release();
  });
});

function sqlAt(dir: string): TenantDir['sql'] {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  return <Row>(file: 'canonical' | 'mailbox', text: string) => {
    const db = new DatabaseSync(join(dir, `${file}.db`), { readOnly: true });
    try {
      return db
        .prepare(text)
        .all()
        .map((row) => bytesAsBuffers(row)) as Row[];
    } finally {
      db.close();
    }
  };
}

function bytesAsBuffers(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value) : value,
    ]),
  );
}
