import { createConnectTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { Connection } from './fleet/connection.ts';

const messageBytesMax = 16 * 1024 * 1024;
/** Without pings a peer that vanished is noticed only by deadlines. */
const pingIntervalMs = 15_000;
const pingTimeoutMs = 5_000;

/** The Connect protocol over one HTTP/2 connection, without compression: inside a data centre it costs more than it saves. */
export function connectNode(baseUrl: string): Connection {
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs, pingTimeoutMs });
  const transport = createConnectTransport({
    baseUrl,
    httpVersion: '2',
    sessionManager,
    acceptCompression: [],
    readMaxBytes: messageBytesMax,
    writeMaxBytes: messageBytesMax,
  });
  return { transport, close: () => sessionManager.abort() };
}
