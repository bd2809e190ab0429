import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorCode } from '@entdb/base';
import { all, bytes, codeOf, keysOf } from '../conformance/fixture.ts';
import type { ObjectStore } from '../object-store.ts';
import type { S3StoreOptions } from './options.ts';
import { createS3Store } from './s3-store.ts';
import {
  startScriptedS3,
  type ScriptedRequest,
  type ScriptedS3,
  type Trouble,
} from './testing/scripted-s3.ts';

/** What goes wrong with S3, on a server that does it on purpose: what a real one does once a year. */

const mebibyte = 1024 * 1024;
type Script = (request: ScriptedRequest, times: number) => Trouble | undefined;

let dir: string;
let server: ScriptedS3;
let store: ObjectStore;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-s3-faults-'));
});
afterAll(() => rm(dir, { recursive: true }));
afterEach(async () => {
  await store.close();
  await server.close();
});

async function open(script: Script, options: Partial<S3StoreOptions> = {}): Promise<void> {
  server = await startScriptedS3(script);
  store = createS3Store({
    bucket: server.bucket,
    endpoint: server.endpoint,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    timing: { connectMs: 1_000, requestMs: 400, idleMs: 400, completeMs: 400 },
    limits: { wholeBytesMax: mebibyte, partBytes: mebibyte },
    ...options,
  });
}

async function fileOf(size: number, fill = 1) {
  const path = join(dir, `${size}-${fill}`);
  await writeFile(path, Buffer.alloc(size, fill));
  return { path, size };
}

const status = (code: number, name: string): Trouble => ({
  kind: 'status',
  status: code,
  code: name,
});
const on =
  (name: ScriptedRequest['name'], trouble: Trouble, timesMax = Infinity): Script =>
  (request, times) =>
    request.name === name && times <= timesMax ? trouble : undefined;
const countOf = (name: ScriptedRequest['name']) =>
  server.seen.filter((request) => request.name === name).length;

describe('trouble that passes', () => {
  it.each([
    ['500', status(500, 'InternalError')],
    ['503', status(503, 'SlowDown')],
    ['429', status(429, 'TooManyRequests')],
    ['a broken connection', { kind: 'answerLost' }],
    ['silence', { kind: 'hang' }],
  ] satisfies [string, Trouble][])('%s, then health: the call succeeds', async (_, trouble) => {
    await open((request, times) => (times <= 2 && request.key !== '' ? trouble : undefined));
    server.put('there', Buffer.from('bytes'));
    expect(Buffer.from(await store.read('there')).toString()).toBe('bytes');
    expect(await store.stat('there')).toMatchObject({ size: 5 });
    expect(await store.create('new', bytes('x'))).toBe('created');
    await store.remove(['there']);
    expect(await keysOf(store, '')).toEqual(['new']);
    expect(countOf('GET')).toBeGreaterThanOrEqual(3);
  });

  it('409 on a conditional write is tried again until it is decided', async () => {
    await open(on('PUT', status(409, 'ConditionalRequestConflict'), 3));
    expect(await store.create('x', bytes('x'))).toBe('created');
    expect(countOf('PUT')).toBe(4);
  });
});

describe('trouble that stays', () => {
  const cases: readonly [Trouble, ErrorCode][] = [
    [status(500, 'InternalError'), 'OBJECT_STORE_UNAVAILABLE'],
    [status(503, 'SlowDown'), 'OBJECT_STORE_UNAVAILABLE'],
    [{ kind: 'hang' }, 'OBJECT_STORE_UNAVAILABLE'],
    [{ kind: 'answerLost' }, 'OBJECT_STORE_UNAVAILABLE'],
    [status(409, 'ConditionalRequestConflict'), 'OBJECT_STORE_UNAVAILABLE'],
    [status(403, 'AccessDenied'), 'OBJECT_STORE_DENIED'],
    [status(403, 'RequestTimeTooSkewed'), 'OBJECT_STORE_DENIED'],
    [status(301, 'PermanentRedirect'), 'OBJECT_STORE_DENIED'],
    [status(404, 'NoSuchBucket'), 'OBJECT_STORE_DENIED'],
    [status(404, 'XAdminUserNotFound'), 'OBJECT_STORE_DENIED'],
    [status(501, 'NotImplemented'), 'OBJECT_STORE_UNSAFE'],
  ];
  it.each(cases)('%j is %s, after a bounded number of tries', async (trouble, code) => {
    // Where no silence is played, none shall be heard, however busy the machine is.
    const patient = { connectMs: 30_000, requestMs: 30_000, idleMs: 30_000, completeMs: 30_000 };
    const timing = trouble.kind === 'hang' ? {} : { timing: patient };
    await open(() => trouble, { limits: { attemptsMax: 2 }, ...timing });
    const calls: Readonly<Record<string, Promise<unknown>>> = {
      create: store.create('x', bytes('x')),
      read: store.read('x'),
      stream: all(store.readStream('x')),
      stat: store.stat('x'),
      list: keysOf(store, ''),
      remove: store.remove(['x']),
    };
    const codes = await Promise.all(
      Object.entries(calls).map(async ([name, call]) => [name, await codeOf(call)]),
    );
    // A HEAD has no body to name the fault, so a 403 or a 404 is told by its number, or by asking again.
    for (const [name, seen] of codes) expect([name, seen]).toEqual([name, code]);
    expect(countOf('GET')).toBeLessThanOrEqual(4);
  });

  it('nobody at the address', async () => {
    await open(() => undefined);
    await server.close();
    expect(await codeOf(store.read('x'))).toBe('OBJECT_STORE_UNAVAILABLE');
  });
});

describe('a body', () => {
  const size = 3 * mebibyte;
  it.each([
    ['cut off', { kind: 'cut', bytes: mebibyte }],
    ['cut off at once', { kind: 'cut', bytes: 0 }],
    ['falling silent', { kind: 'silent', bytes: mebibyte }],
  ] satisfies [string, Trouble][])(
    '%s is an error, and never a short object',
    async (_, trouble) => {
      await open(on('GET', trouble));
      server.put('x', Buffer.alloc(size, 1));
      expect(await codeOf(store.read('x'))).toBe('OBJECT_STORE_UNAVAILABLE');
      let got = 0;
      const reading = (async () => {
        for await (const chunk of store.readStream('x')) got += chunk.byteLength;
      })();
      expect(await codeOf(reading)).toBe('OBJECT_STORE_UNAVAILABLE');
      expect(got).toBeLessThan(size);
    },
  );

  it('that is taken slowly is not silent', async () => {
    await open(() => undefined);
    server.put('x', Buffer.alloc(size, 1));
    let got = 0;
    for await (const chunk of store.readStream('x')) {
      if (got === 0) await new Promise((resolve) => setTimeout(resolve, 1_000)); // the time is what is tested
      got += chunk.byteLength;
    }
    expect(got).toBe(size);
  });

  it('that is awaited ends with an abort, by its reason', async () => {
    await open(on('GET', { kind: 'hang' }), { timing: { requestMs: 60_000 } });
    const abort = new AbortController();
    const reason = new Error('enough');
    const reading = store.read('x', { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 50);
    await expect(reading).rejects.toBe(reason);
  });

  it('that is awaited ends with the store', async () => {
    await open(on('GET', { kind: 'hang' }), { timing: { requestMs: 60_000 } });
    const reading = codeOf(store.read('x'));
    setTimeout(() => void store.close(), 50);
    expect(await reading).toBe('SHUTTING_DOWN');
  });
});

describe('a write whose answer was lost', () => {
  it('finds its own bytes when it is tried again: created', async () => {
    await open(on('PUT', { kind: 'answerLost' }, 1));
    expect(await store.create('x', bytes('mine'))).toBe('created');
    expect(countOf('PUT')).toBe(2);
    expect(await store.create('x', bytes('mine'))).toBe('exists');
  });

  it('finds the bytes of another: exists', async () => {
    await open((request, times) => {
      if (request.name !== 'PUT' || times > 1) return undefined;
      server.put('x', Buffer.from('theirs'));
      return { kind: 'hang' };
    });
    expect(await store.create('x', bytes('mine'))).toBe('exists');
    expect(server.objects.get('x')?.toString()).toBe('theirs');
  });

  it.each([
    ['the upload is gone', 1],
    ['twice', 2],
  ])('of a large file, when it is completed (%s): created', async (_, times) => {
    await open(on('COMPLETE', { kind: 'answerLost' }, times));
    expect(await store.create('x', await fileOf(5 * mebibyte + 3))).toBe('created');
    expect(server.objects.get('x')).toHaveLength(5 * mebibyte + 3);
    expect(server.openUploads()).toBe(0);
  });
});

describe('a large file', () => {
  it('goes in parts, some of which are tried again', async () => {
    await open((request, times) =>
      request.name === 'PART' && times % 3 === 0 ? status(503, 'SlowDown') : undefined,
    );
    const file = await fileOf(10 * mebibyte + 1, 7);
    expect(await store.create('x', file)).toBe('created');
    expect(server.objects.get('x')?.equals(Buffer.alloc(file.size, 7))).toBe(true);
  });

  it('leaves no upload behind when a part fails, or when another was first', async () => {
    await open((request, times) => {
      if (request.key === 'failing' && request.name === 'PART' && times > 2)
        return status(403, 'AccessDenied');
      if (request.key === 'late' && request.name === 'PART')
        server.put('late', Buffer.from('theirs'));
      return undefined;
    });
    const file = await fileOf(6 * mebibyte);
    expect(await codeOf(store.create('failing', file))).toBe('OBJECT_STORE_DENIED');
    expect(server.objects.has('failing')).toBe(false);
    expect(await store.create('late', file)).toBe('exists');
    expect(server.objects.get('late')?.toString()).toBe('theirs');
    expect(server.openUploads()).toBe(0);
    expect(countOf('ABORT')).toBe(2);
  });
});

describe('a server that ignores If-None-Match', () => {
  const ignoring = on('PUT', { kind: 'unconditional' });
  const refusing: Script = ({ name }) =>
    name === 'PUT' && refusals-- > 0 ? status(501, 'NotImplemented') : undefined;
  let refusals = 0;

  it('is refused by the probe', async () => {
    await open(ignoring);
    expect(await codeOf(store.probe())).toBe('OBJECT_STORE_UNSAFE');
    expect([...server.objects]).toEqual([]);
  });

  it('is refused as well when it says so itself', async () => {
    refusals = 1;
    await open(refusing);
    expect(await codeOf(store.probe())).toBe('OBJECT_STORE_UNSAFE');
  });

  it.each([
    ['ignores', ignoring, 0],
    ['refuses', refusing, 1],
  ])('and %s it is made do with when that is allowed', async (_, script, times) => {
    refusals = times;
    await open(script, { allowNoConditionalCreate: true });
    expect(await store.probe()).toEqual({ conditionalCreate: 'emulated' });
    expect(await store.create('x', bytes('first'))).toBe('created');
    expect(await store.create('x', bytes('second'))).toBe('exists');
    expect(server.objects.get('x')?.toString()).toBe('first');
    const file = await fileOf(3 * mebibyte);
    expect([await store.create('large', file), await store.create('large', file)]).toEqual([
      'created',
      'exists',
    ]);
  });

  it('then tells a writer that another one wrote over it', async () => {
    await open(
      (request, times) => {
        if (request.name === 'GET' && request.key === 'x' && times === 1)
          server.put('x', Buffer.from('theirs'));
        return ignoring(request, times);
      },
      { allowNoConditionalCreate: true },
    );
    await store.probe();
    expect(await store.create('x', bytes('mine'))).toBe('exists');
  });

  it('is not suspected where it honours the condition', async () => {
    await open(() => undefined, { allowNoConditionalCreate: true });
    expect(await store.probe()).toEqual({ conditionalCreate: 'native' });
  });
});
