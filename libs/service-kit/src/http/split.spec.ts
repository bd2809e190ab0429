/** Raw sockets against the split port: what comes in small pieces, what never comes, what is neither. */
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import fc from 'fast-check';
import { CommandService } from '@entdb/contracts';
import { startFixture, until, type Fixture } from '../testing/fixture.ts';
import { protocolOfFirstBytes } from './split.ts';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

describe('protocolOfFirstBytes', () => {
  it('knows the preface, any beginning of it, and everything else', () => {
    expect(protocolOfFirstBytes(Buffer.from(preface))).toBe('http2');
    expect(protocolOfFirstBytes(Buffer.from(`${preface}more`))).toBe('http2');
    for (let i = 0; i < preface.length; i += 1)
      expect(protocolOfFirstBytes(Buffer.from(preface.slice(0, i)))).toBe('undecided');
    expect(protocolOfFirstBytes(Buffer.from('POST / HTTP/1.1'))).toBe('http1');
    expect(protocolOfFirstBytes(Buffer.from('PRI * HTTP/1.1'))).toBe('http1');
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const begins = Buffer.from(preface)
          .subarray(0, bytes.length)
          .equals(Buffer.from(bytes).subarray(0, preface.length));
        expect(protocolOfFirstBytes(bytes) === 'http1').toBe(!begins);
      }),
    );
  });
});

describe('the port', () => {
  let fixture: Fixture;
  let bodies: string[];
  beforeEach(async () => {
    bodies = [];
    fixture = await startFixture(
      {
        command: {
          executeAtomic: async ({ tenantId }) => {
            bodies.push(tenantId);
            return { ids: [tenantId] };
          },
        },
      },
      { limits: { prefaceTimeoutMs: 150 } },
    );
  });
  afterEach(() => fixture.stop());

  const open = async (): Promise<Socket> => {
    const socket = connect(fixture.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.setNoDelay(true);
    return socket;
  };
  /** Writes in pieces, each on its way before the next. */
  const drip = async (socket: Socket, bytes: Buffer, size: number) => {
    for (let i = 0; i < bytes.length; i += size) {
      await new Promise((resolve) => socket.write(bytes.subarray(i, i + size), resolve));
      await new Promise(setImmediate);
    }
  };
  const post = (tenant: string) => {
    const body = JSON.stringify({ tenantId: tenant });
    const path = '/entdb.v1.CommandService/ExecuteAtomic';
    return Buffer.from(
      `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
  };
  const readAll = async (socket: Socket): Promise<string> => {
    let all = '';
    for await (const chunk of socket) all += String(chunk);
    return all;
  };

  it.each([1, 2, 7, 1000])('takes an HTTP/1.1 request in pieces of %i bytes', async (size) => {
    const socket = await open();
    await drip(socket, post('t'.repeat(50)), size);
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(bodies).toEqual(['t'.repeat(50)]);
  });

  it.each([1, 3, 5, 1000])(
    'takes an HTTP/2 connection whose bytes come in pieces of %i',
    async (size) => {
      // A real HTTP/2 client, through a proxy that cuts up what it sends.
      const relay = async (socket: Socket) => {
        const upstream = await open();
        upstream.pipe(socket);
        socket.on('close', () => upstream.destroy());
        for await (const chunk of socket) await drip(upstream, chunk as Buffer, size);
      };
      const proxy = createServer((socket) => void relay(socket));
      await once(proxy.listen(0, '127.0.0.1'), 'listening');
      const session = connectHttp2(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
      const stream = session.request({
        ':method': 'POST',
        ':path': '/entdb.v1.CommandService/ExecuteAtomic',
        'content-type': 'application/json',
      });
      stream.end(JSON.stringify({ tenantId: 'x'.repeat(100) }));
      let body = '';
      for await (const chunk of stream) body += String(chunk);
      expect(JSON.parse(body)).toEqual({ ids: ['x'.repeat(100)] });
      session.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  );

  it.each(['', 'P', 'PRI * HTT'])('closes a connection that says only %j', async (beginning) => {
    const socket = await open();
    if (beginning) socket.write(beginning);
    socket.resume();
    await once(socket, 'close');
  });

  it('answers nonsense with 400 and lives on', async () => {
    const socket = await open();
    socket.write('PRI nonsense\r\n\r\n');
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 400/);
    const broken = await open();
    broken.write(`${preface}this is no frame at all, and quite long for a frame header`);
    broken.resume();
    await once(broken, 'close');
    await expect(
      fixture.client(CommandService).executeAtomic({ tenantId: 'alive' }),
    ).resolves.toMatchObject({ ids: ['alive'] });
  });

  it('survives a peer that resets at any moment', async () => {
    for (const beginning of ['', 'P', preface, post('t').subarray(0, 60).toString()]) {
      const socket = await open();
      if (beginning) await new Promise((resolve) => socket.write(beginning, resolve));
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    await expect(fixture.client(CommandService).executeAtomic({})).resolves.toBeDefined();
    await until(() => fixture.server.inFlight() === 0);
  });
});
