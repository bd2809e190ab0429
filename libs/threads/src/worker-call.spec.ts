import { isEntError } from '@entdb/base';
import { createWorkerClient, type WorkerClient } from './worker-call.ts';
import type { FixtureMethods } from './worker-call.fixture.ts';

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'none',
    (error: unknown) => (isEntError(error) ? error.code : 'other'),
  );

describe('calls to a worker', () => {
  let client: WorkerClient<FixtureMethods>;
  let lost = 0;
  beforeEach(() => {
    lost = 0;
    client = createWorkerClient({
      url: new URL('./worker-call.fixture.ts', import.meta.url),
      name: 'the thread',
      workerData: undefined,
      lostCode: 'STORE_UNAVAILABLE',
      onLost: () => (lost += 1),
    });
  });
  afterEach(() => client.close());

  it('give back results, and errors with their code, facts and cause', async () => {
    expect(await client.call('thread', undefined)).toBeGreaterThan(0);
    await expect(client.call('refuse', 'name')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      facts: { field: 'name', cause: { message: 'the cause' } },
    });
  });

  it('fail when the worker dies, and the next one has another worker', async () => {
    const first = await client.call('thread', undefined);
    const open = codeOf(client.call('hang', undefined));
    await client.call('die', undefined);
    expect(await open).toBe('STORE_UNAVAILABLE');
    expect(lost).toBe(1);
    expect(await client.call('thread', undefined)).not.toBe(first);
  });

  it('fail alone when they cannot be sent', async () => {
    const unsendable = (() => {}) as unknown as string;
    await expect(client.call('refuse', unsendable)).rejects.toThrow('could not be cloned');
    expect(await client.call('thread', undefined)).toBeGreaterThan(0);
  });

  it('are over when the client is closed, and an end that went wrong is told', async () => {
    await client.call('stick', undefined);
    await expect(client.close()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      facts: { cause: { message: 'a file cannot be closed' } },
    });
    expect(lost).toBe(0);
  });

  it('fail when the client is closed, those that are open and those that come', async () => {
    const open = codeOf(client.call('hang', undefined));
    await client.close();
    expect(await open).toBe('SHUTTING_DOWN');
    expect(await codeOf(client.call('thread', undefined))).toBe('SHUTTING_DOWN');
    expect(lost).toBe(0);
  });
});
