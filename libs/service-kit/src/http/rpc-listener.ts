/** The TCP side of the RPC server: one port, both HTTP versions, bounded in every direction, closed in order. */
import { createServer as createHttp1, type ServerResponse } from 'node:http';
import { createServer as createHttp2, type ServerHttp2Session } from 'node:http2';
import { createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import type { Logger } from '@entdb/base';
import type { RequestListener } from '../connect/adapter.ts';
import type { RpcLimits } from '../limits.ts';
import { splitConnection } from './split.ts';

/** Longer than proxies and clients keep an idle connection: who closes first must be the one that might send. */
const idleHttp1Ms = 120_000;

export interface RpcListenerOptions {
  readonly listener: RequestListener;
  readonly limits: RpcLimits;
  readonly logger: Logger;
}

export interface RpcListener {
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Takes no more calls, tells every client, and resolves when what is in flight has ended. */
  close(): Promise<void>;
  /** Cuts every connection. */
  destroy(): void;
}

export function createRpcListener(options: RpcListenerOptions): RpcListener {
  const { listener, limits, logger } = options;
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  let closing = false;

  const http1 = createHttp1(
    // The whole request of a stream may take as long as the stream itself.
    {
      requestTimeout: limits.streamDeadlineMaxMs,
      headersTimeout: limits.prefaceTimeoutMs,
      keepAliveTimeout: idleHttp1Ms,
    },
    (request, response) => {
      if (closing) endConnectionAfter(response);
      else response.once('close', () => closing && http1.closeIdleConnections());
      listener(request, response);
    },
  );
  const http2 = createHttp2(
    {
      settings: {
        maxConcurrentStreams: limits.concurrentStreamsMax,
        initialWindowSize: limits.streamWindowBytes,
      },
      maxSessionMemory: limits.sessionMemoryMebibytes,
    },
    // Its compatibility objects have the interface of HTTP/1.1's.
    listener as unknown as Parameters<typeof createHttp2>[1],
  );
  http2.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.setLocalWindowSize(limits.sessionWindowBytes);
    if (closing) session.close();
  });
  http2.on('sessionError', (error) => logger.debug({ err: error }, 'an HTTP/2 session failed'));

  const tcp = createTcp(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 },
    (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      splitConnection(socket, {
        timeoutMs: limits.prefaceTimeoutMs,
        http1: (ready) => http1.emit('connection', ready),
        http2: (ready) => http2.emit('connection', ready),
      });
    },
  );

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        tcp.once('error', reject);
        tcp.listen({ host, port }, () => {
          tcp.off('error', reject);
          // The HTTP/1.1 server checks its timeouts only once it "listens"; here it is fed by hand.
          http1.emit('listening');
          resolve(tcp.address() as AddressInfo);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        closing = true;
        tcp.close(() => {
          http1.close();
          resolve();
        });
        for (const session of sessions) session.close();
        http1.closeIdleConnections();
        // Connections that have not said a word yet belong to neither server.
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      }),
    destroy: () => {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function endConnectionAfter(response: ServerResponse): void {
  response.setHeader('connection', 'close');
}
