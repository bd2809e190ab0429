import { codeOf } from '../conformance/fixture.ts';
import { createWorkerClient, type WorkerClient } from './worker-call.ts';
import type { FixtureMethods } from './worker-call.fixture.ts';

describe('calls to a worker', () => {
  let client: WorkerClient<FixtureMethods>;
  beforeEach(() => {
    client = createWorkerClient(new URL('./worker-call.fixture.ts', import.meta.url), undefined);
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
    expect(await open).toBe('LOG_UNAVAILABLE');
    expect(await client.call('thread', undefined)).not.toBe(first);
  });

  it('fail when the client is closed, those that are open and those that come', async () => {
    const open = codeOf(client.call('hang', undefined));
    await client.close();
    expect(await open).toBe('SHUTTING_DOWN');
    expect(await codeOf(client.call('thread', undefined))).toBe('SHUTTING_DOWN');
  });
});
