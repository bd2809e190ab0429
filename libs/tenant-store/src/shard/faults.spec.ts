/** What disks, crashes and other processes do to a volume. */
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntError } from '@entdb/base';
import { decodeResultRecord } from '@entdb/contracts';
import { op } from '../write/testing/log.ts';
import { openTenantWriter } from '../write/writer.ts';
import { behindFrom } from './known-tenant.ts';
import type { ShardOptions } from './shard.ts';
import { tenantDir } from './tenant-folder.ts';
import {
  bytesOf,
  close,
  closeShards,
  damaged,
  digests,
  history,
  partition,
  shardAt,
  three,
  undisturbed,
} from './testing/volumes.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shard-faults-'));
});
afterEach(() => {
  closeShards();
  rmSync(dir, { recursive: true, force: true });
});

const refusal = (code: string): Error => expect.objectContaining({ code }) as Error;
const behind = (tenantId: string, fromOffset: number) =>
  expect.objectContaining({ tenantId, state: behindFrom(fromOffset) }) as object;

/** The volume as a SIGKILL at this moment would leave it. */
function crashed(): string {
  const image = join(dir, 'image');
  cpSync(join(dir, 'volume'), image, { recursive: true });
  return image;
}
const volume = (more?: Partial<ShardOptions>) => shardAt(join(dir, 'volume'), more);

/** Writers whose sync can be made to fail for one tenant. */
function failingSync(tenantId: string, cause: unknown) {
  const faulty = { now: true };
  const openWriter: ShardOptions['openWriter'] = (options) => {
    const writer = openTenantWriter(options);
    return {
      ...writer,
      get position() {
        return writer.position;
      },
      sync: () => {
        if (faulty.now && options.tenantId === tenantId)
          throw new EntError('STORE_UNAVAILABLE', 'cannot be synced', { cause });
        return writer.sync();
      },
    };
  };
  return { faulty, openWriter };
}
const systemError = (code: string) => Object.assign(new Error(code), { code });

describe('files that are taken away while they are open', () => {
  it('are noticed at the next sync, alone, and the checkpoint moves on', () => {
    const shard = volume();
    shard.apply(partition, history(0, 6));
    rmSync(tenantDir(join(dir, 'volume'), 'tenant_1'), { recursive: true });
    expect(shard.sync()).toMatchObject({ done: true, states: [behind('tenant_1', 1)] });
    shard.catchUp({ partition, tenantIds: ['tenant_1'], from: 1, next: 6 }, history(1, 6));
    close(shard);
    expect(digests(join(dir, 'volume'), three)).toEqual(undisturbed(history(0, 6)));
    expect(volume().nextOffset(partition)).toBe(6);
  });

  it('are noticed when another tenant needs their place, and that one suffers nothing', () => {
    const shard = volume({ openTenantsMax: 1 });
    shard.apply(partition, history(0, 1));
    const folder = tenantDir(join(dir, 'volume'), 'tenant_0');
    cpSync(folder, join(dir, 'copy'), { recursive: true });
    rmSync(folder, { recursive: true });
    renameSync(join(dir, 'copy'), folder); // other files under the same names
    const told = shard.apply(partition, history(1, 2));
    expect(told.touched).toEqual([{ tenantId: 'tenant_1', offset: 1 }]);
    expect(told.states).toEqual([behind('tenant_0', 0)]);
  });

  it('leave few copies behind, however often it happens', () => {
    const shard = volume();
    shard.apply(partition, history(0, 3));
    const error = new EntError('STORE_CORRUPT', 'damaged');
    for (let i = 0; i < 6; i++) {
      shard.distrust('tenant_0', error);
      shard.catchUp({ partition, tenantIds: ['tenant_0'], from: 0, next: 3 }, history(0, 3));
    }
    expect(readdirSync(join(dir, 'volume', 'quarantine'))).toEqual([
      'tenant_0.4',
      'tenant_0.5',
      'tenant_0.6',
    ]);
  });
});

describe('a sync that fails', () => {
  it('is not believed the second time: the tenant is rebuilt', () => {
    const { faulty, openWriter } = failingSync('tenant_1', systemError('EIO'));
    const shard = volume({ openWriter });
    shard.apply(partition, history(0, 3));
    expect(shard.sync()).toMatchObject({ done: true, states: [behind('tenant_1', 1)] });
    faulty.now = false;
    shard.catchUp({ partition, tenantIds: ['tenant_1'], from: 1, next: 3 }, history(1, 3));
    close(shard);
    expect(digests(join(dir, 'volume'), three)).toEqual(undisturbed(history(0, 3)));
  });

  it('holds the checkpoint where it did not come to the disk at all', () => {
    const { faulty, openWriter } = failingSync('tenant_1', systemError('EMFILE'));
    const shard = volume({ openWriter, openTenantsMax: 1 });
    shard.apply(partition, history(0, 3)); // tenant_1 has to let go of its files without a sync
    expect(() => shard.sync()).toThrow(refusal('STORE_UNAVAILABLE'));
    expect(shardAt(crashed()).nextOffset(partition)).toBe(0);
    faulty.now = false;
    expect(shard.sync()).toMatchObject({ done: true, states: [] });
    close(shard);
    expect(volume().nextOffset(partition)).toBe(3);
  });

  it('goes in parts, and the checkpoint is that of the beginning', () => {
    const shard = volume();
    shard.apply(partition, history(0, 3));
    expect(shard.sync(2)).toMatchObject({ done: false, synced: 2 });
    shard.apply(partition, history(3, 6));
    expect(shard.sync(2)).toMatchObject({ done: true, synced: 1 });
    expect(shardAt(crashed()).nextOffset(partition)).toBe(3);
  });
});

describe('a catch-up', () => {
  it('goes on after a crash in its middle, and ends where the others are', () => {
    const records = history(0, 30);
    const first = volume();
    first.apply(partition, records.slice(0, 20));
    first.sync();
    first.distrust('tenant_1', new EntError('STORE_CORRUPT', 'damaged'));
    first.catchUp({ partition, tenantIds: ['tenant_1'], from: 1, next: 11 }, records.slice(1, 11));
    const image = crashed();
    const second = shardAt(image);
    expect(second.tenants()).toContainEqual(behind('tenant_1', 1));
    expect(second.apply(partition, records.slice(20, 30)).touched.map((t) => t.tenantId)).toEqual([
      'tenant_2',
      'tenant_0',
    ]);
    const step = { partition, tenantIds: ['tenant_1'], from: 1, next: 30 };
    expect(second.catchUp(step, records.slice(1)).states).toMatchObject([
      { tenantId: 'tenant_1', state: { kind: 'active' } },
    ]);
    close(second);
    expect(digests(image, three)).toEqual(undisturbed(records));
  });

  it('may begin anew after a fault of the log, and feeds many tenants at once', () => {
    const records = history(0, 12);
    const shard = volume();
    shard.apply(partition, records);
    for (const tenantId of three)
      shard.distrust(tenantId, new EntError('STORE_CORRUPT', 'damaged'));
    const step = (from: number, next: number) =>
      shard.catchUp({ partition, tenantIds: three, from, next }, records.slice(from, next));
    step(0, 7);
    step(0, 5); // the log failed, and reading began again
    expect(step(5, 12).states.map(({ tenantId }) => tenantId)).toEqual(three);
    close(shard);
    expect(digests(join(dir, 'volume'), three)).toEqual(undisturbed(records));
  });

  it('leaves a tenant whose older files are known for what they are', () => {
    const shard = volume();
    shard.apply(partition, history(0, 6));
    shard.sync();
    shard.distrust('tenant_1', new EntError('STORE_CORRUPT', 'damaged'));
    const folder = tenantDir(join(dir, 'volume'), 'tenant_1');
    shard.catchUp({ partition, tenantIds: ['tenant_1'], from: 1, next: 4 }, history(1, 4));
    cpSync(folder, join(dir, 'old'), { recursive: true }); // half-way
    shard.catchUp({ partition, tenantIds: ['tenant_1'], from: 4, next: 6 }, history(4, 6));
    close(shard);
    rmSync(folder, { recursive: true });
    renameSync(join(dir, 'old'), folder);
    expect(volume().apply(partition, history(6, 9)).states).toEqual([behind('tenant_1', 1)]);
  });
});

describe('a tenant that stands still', () => {
  it('refuses at once whoever waits for a verdict on it, for as long as it does', () => {
    const shard = volume();
    const asking = (offset: number) =>
      bytesOf('tenant_1', offset, { operations: [op.create(`n${offset}`, {})] }, 6);
    const withThePoison = shard.apply(partition, [damaged('tenant_1', 0), asking(1)]);
    const afterIt = shard.apply(partition, [asking(2)]);
    expect(afterIt.touched).toEqual([]);
    const verdicts = [...withThePoison.verdicts, ...afterIt.verdicts];
    expect(verdicts).toMatchObject(
      [1, 2].map((n) => ({ partition: 6, askedAtMs: asking(n).timeMs })),
    );
    expect(verdicts.map(({ value }) => decodeResultRecord('tenant_1', value))).toMatchObject(
      [1n, 2n].map((offset) => ({
        askedAt: { offset },
        verdict: { case: 'error', value: { code: 'TENANT_QUARANTINED' } },
      })),
    );
  });

  it('is rebuilt, not fed a gap, when its files lost what came before the poison', () => {
    const image = join(dir, 'older');
    const first = volume();
    first.apply(partition, history(0, 3));
    first.sync();
    cpSync(tenantDir(join(dir, 'volume'), 'tenant_1'), image, { recursive: true });
    first.apply(partition, [...history(3, 6), damaged('tenant_1', 6)]);
    close(first);
    rmSync(tenantDir(join(dir, 'volume'), 'tenant_1'), { recursive: true });
    renameSync(image, tenantDir(join(dir, 'volume'), 'tenant_1'));
    const shard = volume();
    const mended = bytesOf('tenant_1', 6, { operations: [op.create('mended', {})] });
    const step = { partition, tenantIds: ['tenant_1'], from: 6, next: 7 };
    expect(shard.catchUp(step, [mended]).states).toEqual([behind('tenant_1', 1)]);
  });
});

describe('the file of the shard', () => {
  it('belongs to one process: a second one is refused', () => {
    volume();
    expect(() => volume()).toThrow(refusal('STORE_UNAVAILABLE'));
  }, 15_000);

  it('is made anew when any byte of its rows changed, and nothing is lost', () => {
    const first = volume();
    first.apply(partition, history(0, 9));
    first.sync();
    close(first);
    const path = join(dir, 'volume', 'shard.db');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('tenant_1');
    expect(at).toBeGreaterThan(0);
    bytes[at + 7]! ^= 1; // tenant_1 is tenant_0 now
    writeFileSync(path, bytes);
    const shard = volume();
    expect(shard.nextOffset(partition)).toBe(0);
    shard.apply(partition, history(0, 12));
    close(shard);
    expect(digests(join(dir, 'volume'), three)).toEqual(undisturbed(history(0, 12)));
    expect(readdirSync(join(dir, 'volume', 'quarantine'))).toContain('shard.db.1');
  });

  it('says what it cannot open', () => {
    closeSync(openSync(join(dir, 'plain-file'), 'w'));
    expect(() => shardAt(join(dir, 'plain-file', 'volume'))).toThrow(refusal('STORE_UNAVAILABLE'));
    expect(existsSync(join(dir, 'volume'))).toBe(false);
  });
});
