import { EntError } from '@entdb/base';
import type { Position } from '@entdb/contracts';
import { staleEpoch } from './epochs.ts';

/**
 * Page tokens of one epoch. A walk goes on in the state as it is by then, so that what is written meanwhile moves it by a row here or there; a restore
 * puts another state in its place, and a walk over both would be a result that never was. So the store's token travels with the epoch that
 * gave it, `<epoch>.<token>`, and in another epoch it is STALE_EPOCH.
 */
interface Asked {
  readonly scope?: { readonly tenantId: string } | undefined;
  readonly pageToken: string;
}

interface Page {
  readonly nextPageToken: string;
  readonly position?: Position | undefined;
}

/** Reads one page. Throws INVALID_PAGE_TOKEN, STALE_EPOCH. */
export async function inOneEpoch<Request extends Asked, Response extends Page>(
  request: Request,
  read: (request: Request) => Promise<Response>,
): Promise<Response> {
  const { epoch, pageToken } = parse(request.pageToken);
  const response = await read({ ...request, pageToken });
  const { position, nextPageToken } = response;
  if (position && epoch !== undefined && epoch !== position.epoch)
    throw staleEpoch(request.scope?.tenantId ?? '', epoch, position);
  if (nextPageToken === '' || !position) return response;
  return { ...response, nextPageToken: `${position.epoch}.${nextPageToken}` };
}

function parse(token: string): { readonly epoch?: bigint; readonly pageToken: string } {
  if (token === '') return { pageToken: '' };
  const [, epoch, pageToken] = /^([1-9]\d{0,15})\.(.+)$/.exec(token) ?? [];
  if (epoch === undefined || pageToken === undefined)
    throw new EntError('INVALID_PAGE_TOKEN', 'page_token: it is damaged', {
      field: 'page_token',
      hint: 'send back next_page_token unchanged, with the same request; or begin without a token',
    });
  return { epoch: BigInt(epoch), pageToken };
}
