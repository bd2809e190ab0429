/** Ports are checked before anything starts, and a port that is taken is named with its variable and a free one instead. */
import { createServer, type AddressInfo } from 'node:net';
import { EntError } from '@entdb/base';

export interface PortClaim {
  readonly variable: string;
  readonly host: string;
  readonly port: number;
}

/** Throws PORT_IN_USE for the first port that cannot be had. Port 0 always can. */
export async function assertPortsFree(claims: readonly PortClaim[]): Promise<void> {
  for (const claim of claims) {
    try {
      await listenOnce(claim.host, claim.port);
    } catch (error) {
      throw await portError(claim, error);
    }
  }
}

/** What to tell when a port cannot be had: PORT_IN_USE, or the system's own words for anything else. */
export async function portError(claim: PortClaim, thrown: unknown): Promise<unknown> {
  const reason = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const at = `${claim.host}:${claim.port}`;
  if (reason === 'EADDRINUSE') {
    const free = await listenOnce(claim.host, 0);
    return new EntError('PORT_IN_USE', `${at} (${claim.variable}) is taken by another process`, {
      field: claim.variable,
      hint: `stop that process, or set ${claim.variable}=${free}, which is free now`,
      cause: thrown,
    });
  }
  if (reason === 'EADDRNOTAVAIL' || reason === 'EACCES' || reason === 'ENOTFOUND') {
    return new EntError(
      'INVALID_SETTING',
      `cannot listen on ${at} (${claim.variable}): ${String(reason)}`,
      {
        field: claim.variable,
        hint: 'name an address of this machine and a port that this user may open',
        cause: thrown,
      },
    );
  }
  return thrown;
}

/** Listens and stops at once; the port that it had. */
function listenOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const { port: given } = server.address() as AddressInfo;
      server.close(() => resolve(given));
    });
  });
}
