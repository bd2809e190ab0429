/** Method: the fleet in memory, this time behind a real HTTP/2 server on the loopback, whose connections are cut under load. */
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { createClient } from './index.ts';
import { createFakeFleet, type FakeFleet } from './testing/fake-fleet.ts';
import { schema, User } from './testing/model.ts';

let fleet: FakeFleet;
let server: Http2Server;
let endpoint: string;
const sessions = new Set<ServerHttp2Session>();

/** The server's adapter tells the terminal of each connection that is cut. */
beforeEach(() => void jest.spyOn(console, 'error').mockImplementation());
afterEach(() => jest.restoreAllMocks());

beforeEach(async () => {
  fleet = createFakeFleet();
  server = createServer(
    connectNodeAdapter({
      routes: (router) => {
        fleet.gateway(router);
        fleet.applier(router, endpoint);
      },
    }),
  );
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fleet.appliers = [[endpoint]];
});

afterEach(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const session of sessions) session.destroy();
  await closed;
});

describe('the client over HTTP/2', () => {
  it('writes, reads and watches', async () => {
    await using client = createClient({ endpoint, schema });
    const acme = client.tenant('acme');
    const { returned } = await acme.atomic((plan) =>
      plan.create(User, { email: 'a', age: 2n ** 63n - 1n }),
    );
    expect(await acme.get(User, returned)).toMatchObject({ fields: { age: 2n ** 63n - 1n } });
    const event = await acme.watch().next();
    expect(event.value).toMatchObject({ position: acme.position });
  });

  it('gives every write its verdict when connections are cut', async () => {
    await using client = createClient({ endpoint, schema, outstandingMax: 8 });
    const acme = client.tenant('acme');
    let cuts = 0;
    fleet.faults.execute = () => {
      if (fleet.executed.length % 13 !== 0 || cuts === 4) return;
      cuts++;
      for (const session of sessions) session.destroy();
    };
    const emails = Array.from({ length: 60 }, (_, i) => `user-${i}`);
    const results = await Promise.all(
      emails.map((email) => acme.atomic((plan) => plan.create(User, { email }))),
    );
    const stored = results.map(
      ({ returned }) => fleet.tenant('acme').nodes.get(returned)?.fields[1]?.kind.value,
    );
    expect(stored).toEqual(emails);
    expect(fleet.tenant('acme').nodes.size).toBe(60);
    expect(cuts).toBe(4);
  });

  it('says that nobody answers', async () => {
    await using client = createClient({ endpoint: 'http://127.0.0.1:9', schema });
    const acme = client.tenant('acme');
    await expect(acme.get(User, 'x', { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    await expect(
      acme.atomic((plan) => plan.create(User, { email: 'a' }), { timeoutMs: 100 }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/OUTCOME_UNKNOWN|DEADLINE_EXCEEDED/) });
  });
});
