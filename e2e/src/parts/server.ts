import { createClient, type Client } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  Http2SessionManager,
} from '@connectrpc/connect-node';
import { AdminService, CommandService, QueryService } from '@entdb/contracts';

/** One server, asked directly: no retries, no map of the fleet, and requests that the SDK would refuse to send. */
export interface Server {
  readonly address: string;
  readonly admin: Client<typeof AdminService>;
  readonly command: Client<typeof CommandService>;
  readonly query: Client<typeof QueryService>;
  close(): void;
}

export function connectTo(address: string, protocol: 'connect' | 'grpc' = 'connect'): Server {
  const sessionManager = new Http2SessionManager(address);
  const options = { baseUrl: address, sessionManager, acceptCompression: [] };
  const transport =
    protocol === 'grpc'
      ? createGrpcTransport(options)
      : createConnectTransport({ ...options, httpVersion: '2' });
  return {
    address,
    admin: createClient(AdminService, transport),
    command: createClient(CommandService, transport),
    query: createClient(QueryService, transport),
    close: () => sessionManager.abort(),
  };
}
