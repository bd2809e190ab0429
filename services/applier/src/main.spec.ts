/** Method: the applier as a process, on the embedded log in a folder of its own. The test writes the records and takes files away. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { partitionOf, realClock, realRng, silentLogger } from '@entdb/base';
import { logSettings, parseSettings } from '@entdb/config';
import { decodeResultRecord } from '@entdb/contracts';
import { logOf } from '@entdb/fleet';
import { createEmbeddedWal, resultsTopic, type EmbeddedWal, type LogRecord } from '@entdb/wal';
import {
  endAppliers,
  spawnApplier,
  startedApplier,
  type ApplierProcess,
} from './testing/process.ts';
import { append, poisonOf, positionOf, recordOf } from './testing/records.ts';

const partitions = 4;
const env = { ENTDB_WAL_PARTITIONS: String(partitions) };
/** Two tenants of different partitions, and one that shares the first one's. */
const acme = 'acme';
const other = ['umbra', 'zenith', 'borealis'].find(
  (id) => partitionOfId(id) !== partitionOfId(acme),
)!;
const neighbour = Array.from({ length: 99 }, (_, i) => `n${i}`).find(
  (id) => partitionOfId(id) === partitionOfId(acme),
)!;

let dataDir: string;
let wal: EmbeddedWal;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'entdb-applier-'));
  wal = createEmbeddedWal({ directory: join(dataDir, 'log') });
  const settings = parseSettings(logSettings, { ...env, ENTDB_DATA_DIR: dataDir });
  const { topics } = logOf(settings, { logger: silentLogger, clock: realClock, rng: realRng });
  await wal.createTopics(topics);
});
afterEach(async () => {
  await endAppliers();
  await wal.close();
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

function partitionOfId(id: string): number {
  return partitionOf(id, partitions);
}
const write = (...records: Parameters<typeof append>[2]) => append(wal, partitions, records);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** What the applier says of `node-<number>`: its field, or the code of the error. */
async function look(
  applier: ApplierProcess,
  tenantId: string,
  number: number,
  offset?: number,
): Promise<unknown> {
  const atLeast = offset === undefined ? {} : { atLeast: positionOf(tenantId, partitions, offset) };
  const { body, code } = await applier.ask('GetNode', {
    scope: { tenantId, ...atLeast },
    typeId: 1,
    id: `node-${number}`,
  });
  const node = body['node'] as { fields?: Record<number, { int?: string }> } | undefined;
  return code ?? node?.fields?.[1]?.int ?? 'absent';
}

/** Asks until the answer is the right one, and gives all others that came before. */
async function lookUntil(right: string, ask: () => Promise<unknown>): Promise<readonly unknown[]> {
  const others: unknown[] = [];
  for (;;) {
    const answer = await ask();
    if (answer === right) return others;
    others.push(answer);
    await delay(20);
  }
}

async function told(partition: number): Promise<readonly LogRecord[]> {
  const { endOffset } = await wal.bounds(resultsTopic, partition);
  if (endOffset === 0) return [];
  const found: LogRecord[] = [];
  const all = new AbortController();
  await wal.consume({
    topic: resultsTopic,
    from: new Map([[partition, 0]]),
    signal: all.signal,
    onBatch: async ({ records }) => {
      found.push(...records);
      if (found.length >= endOffset) all.abort();
    },
  });
  return found;
}

const metric = async (applier: ApplierProcess, name: string): Promise<number> => {
  const text = await (await applier.page('/metrics')).text();
  return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1]);
};
const health = async (applier: ApplierProcess) =>
  (await (await applier.page('/health')).json()) as Record<string, unknown>;

describe('an applier', () => {
  it('answers reads at a position, tells verdicts, drains with code 0, and goes on at its checkpoint', async () => {
    const first = await startedApplier(dataDir, env);
    const offset = await write(recordOf(acme, 1, { results: 2 }));
    expect(await look(first, acme, 1, offset)).toBe('1');
    expect(
      (await first.ask('GetNode', { scope: { tenantId: 'nobody' }, typeId: 1, id: 'x' })).code,
    ).toBe('TENANT_NOT_FOUND');
    expect(await first.end('SIGTERM')).toBe(0);
    const verdicts = await told(2);
    expect(verdicts).toHaveLength(1);
    expect(decodeResultRecord(acme, verdicts[0]!.value)).toMatchObject({
      askedAt: { offset: BigInt(offset), partition: partitionOfId(acme) },
      verdict: { case: 'resultJson' },
    });

    const last = await write(recordOf(acme, 2), recordOf(acme, 3));
    const second = await startedApplier(dataDir, env);
    expect(await look(second, acme, 3, last)).toBe('3');
    expect(await metric(second, 'applier_records_total')).toBe(2);
    expect(await second.ask('ListTenants', {})).toMatchObject({ body: { tenantIds: [acme] } });
    expect((await second.ask('ListTenants', { pageToken: '!!' })).code).toBe('INVALID_PAGE_TOKEN');
  });

  it('tells a verdict again, in the same words, when it died before its checkpoint', async () => {
    const once = { ...env, ENTDB_CHECKPOINT_INTERVAL: '1h' };
    const first = await startedApplier(dataDir, once);
    const offset = await write(recordOf(acme, 1, { results: 0 }));
    await look(first, acme, 1, offset);
    await lookUntil('told', async () => ((await told(0)).length > 0 ? 'told' : 'not yet'));
    await first.end('SIGKILL');
    // The first checkpoint was taken at the start, before the record.
    const second = await startedApplier(dataDir, once);
    expect(await look(second, acme, 1, offset)).toBe('1');
    expect(await second.end('SIGTERM')).toBe(0);
    const [before, after] = await told(0);
    expect(Buffer.from(after!.value).equals(before!.value)).toBe(true);
  });

  it('lets a poisoned tenant stand still alone, and says so', async () => {
    const applier = await startedApplier(dataDir, env);
    await write(recordOf(acme, 1), recordOf(neighbour, 1), poisonOf(acme));
    const offset = await write(recordOf(acme, 2, { results: 1 }), recordOf(neighbour, 2));
    expect(await look(applier, neighbour, 2, offset)).toBe('2');
    expect(await look(applier, acme, 1)).toBe('TENANT_QUARANTINED');
    await lookUntil('degraded', async () => (await health(applier))['status']);
    expect(await health(applier)).toMatchObject({
      standing_still: [acme],
      components: { sqlite: expect.stringContaining('1 tenants') },
    });
    expect((await applier.page('/readyz')).status).toBe(200);
    expect((await applier.ask('GetTenant', { scope: { tenantId: acme } })).body).toMatchObject({
      fault: { code: 'RECORD_CORRUPT' },
    });
    await applier.end('SIGTERM');
    const [verdict] = await told(1);
    expect(decodeResultRecord(acme, verdict!.value).verdict).toMatchObject({
      value: { code: 'TENANT_QUARANTINED' },
    });
  });
});

describe('files that are taken away', () => {
  it('from one tenant while it runs: rebuilt, and never a wrong answer', async () => {
    const applier = await startedApplier(dataDir, env);
    const offset = await write(...numbers(0, 20).map((n) => recordOf(acme, n)));
    await look(applier, acme, 19, offset);
    rmSync(join(dataDir, 'store', 'tenants', acme), { recursive: true });
    await applier.said('tenants have caught up');
    const next = await write(recordOf(acme, 20));
    const answers = [
      ...(await lookUntil('7', () => look(applier, acme, 7, offset))),
      ...(await lookUntil('20', () => look(applier, acme, 20, next))),
    ];
    expect(answers.filter((answer) => answer !== 'NOT_CAUGHT_UP')).toEqual([]);
  });

  it('all of them while it runs: it ends by itself, and the next one has everything', async () => {
    const applier = await startedApplier(dataDir, env);
    const offset = await write(recordOf(acme, 1), recordOf(other, 2));
    await look(applier, other, 2, offset);
    rmSync(join(dataDir, 'store'), { recursive: true, maxRetries: 5 });
    expect(await applier.exited).toBe(1);
    expect(applier.lines.at(-1)).toMatchObject({ level: 'error', code: 'STORE_MISSING' });
    const next = await startedApplier(dataDir, env);
    expect([await look(next, acme, 1), await look(next, other, 2)]).toEqual(['1', '2']);
  });

  it('and changed bytes under a running process are never answered', async () => {
    const first = await startedApplier(dataDir, env);
    const offset = await write(...numbers(1_000, 1_300).map((n) => recordOf(acme, n)));
    await look(first, acme, 1_299, offset);
    await first.end('SIGTERM'); // its files are closed, all in the main file
    const applier = await startedApplier(dataDir, env);
    const path = join(dataDir, 'store', 'tenants', acme, 'canonical.db');
    const bytes = readFileSync(path);
    let harmed = 0;
    for (let at = bytes.indexOf('node-11'); at >= 0; at = bytes.indexOf('node-11', at + 1)) {
      bytes[at + 9]! ^= 4; // beside the id, where the row's other columns are
      harmed += 1;
    }
    expect(harmed).toBeGreaterThan(100);
    writeFileSync(path, bytes);
    const answers: unknown[] = [];
    for (const n of numbers(1_100, 1_200))
      answers.push(...(await lookUntil(String(n), () => look(applier, acme, n, offset))));
    expect(new Set(answers)).toEqual(new Set(['NOT_CAUGHT_UP']));
  });
});

describe('a log that is not as it should be', () => {
  it('begins after what an empty volume needs: a named error for that partition, and others answer', async () => {
    await write(recordOf(acme, 1), recordOf(acme, 2), recordOf(other, 1));
    await wal.truncateBefore('entdb-wal', partitionOfId(acme), 1);
    const applier = await startedApplier(dataDir, env);
    expect(await look(applier, other, 1)).toBe('1');
    const { body, code } = await applier.ask('GetNode', {
      scope: { tenantId: acme },
      typeId: 1,
      id: 'x',
    });
    expect(code).toBe('TENANT_QUARANTINED');
    expect(body['message']).toContain('begins at offset 1, and 0 must come next');
    expect(await health(applier)).toMatchObject({
      status: 'degraded',
      components: { wal: expect.stringContaining(`partitions ${partitionOfId(acme)}`) },
    });
  });

  it('cannot be reached at the start: the process lives, waits, says so, and can be stopped', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const applier = spawnApplier(dataDir, {
      ...env,
      ENTDB_LOG: 'kafka',
      ENTDB_KAFKA_BROKERS: `127.0.0.1:${port}`,
    });
    expect((await applier.page('/livez')).status).toBe(200);
    expect((await applier.page('/readyz')).status).toBe(503);
    expect(await health(applier)).toMatchObject({ status: 'degraded', readiness: 'starting' });
    expect(await applier.end('SIGTERM')).toBe(0);
  });
});
