import { createClient, type Client, type Transport } from '@connectrpc/connect';
import { AdminService, CommandService, QueryService } from '@entdb/contracts';

/** A way to one server. */
export interface Connection {
  readonly transport: Transport;
  close?(): void;
}

/** Makes the way to a server from its base URL. A browser or a test brings its own. */
export type Connect = (baseUrl: string) => Connection;

export interface Server {
  readonly address: string;
  readonly admin: Client<typeof AdminService>;
  readonly command: Client<typeof CommandService>;
  readonly query: Client<typeof QueryService>;
}

export interface Servers {
  at(address: string): Server;
  close(): void;
}

/** One connection for each address, made when first needed and kept until `close`. */
export function createServers(connect: Connect): Servers {
  const open = new Map<string, { readonly server: Server; readonly connection: Connection }>();
  return {
    at: (address) => {
      const known = open.get(address);
      if (known) return known.server;
      const connection = connect(address);
      const { transport } = connection;
      const server: Server = {
        address,
        admin: createClient(AdminService, transport),
        command: createClient(CommandService, transport),
        query: createClient(QueryService, transport),
      };
      open.set(address, { server, connection });
      return server;
    },
    close: () => {
      for (const { connection } of open.values()) connection.close?.();
      open.clear();
    },
  };
}
