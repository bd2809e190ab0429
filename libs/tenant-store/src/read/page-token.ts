import { hash } from 'node:crypto';
import { EntError } from '@entdb/base';

/**
 * A page token says after which key the next page begins, and is bound to its query: another query, another tenant or a changed byte is
 * INVALID_PAGE_TOKEN, never a page of something else.
 *
 *     base64url { version, 8 bytes of the query's hash, parts of the key, 8 bytes of the SHA-256 of all before }
 *     part = 0 (nothing) | 1 and a double | 2 or 3, u32 length, bytes (3: UTF-8 text)
 *
 * The checksum finds damage, not forgery: whoever forges a token reads from another place of a query that is theirs to make.
 */
export type KeyPart = null | number | Uint8Array | string;

const version = 1;
const sumBytes = 8;

/** What a token is bound to: the method, the tenant, and the request as bytes, without scope, page size and token. */
export function queryHashOf(method: string, tenantId: string, request: Uint8Array): Buffer {
  const head = Buffer.from(`${method}\0${tenantId}\0`);
  return hash('sha256', Buffer.concat([head, request]), 'buffer').subarray(0, sumBytes);
}

export function encodePageToken(queryHash: Uint8Array, key: readonly KeyPart[]): string {
  const body = Buffer.concat([Buffer.of(version), queryHash, ...key.map(encodePart)]);
  return Buffer.concat([body, checksum(body)]).toString('base64url');
}

/** The key. `shape` tells whether its parts are those of this query's keys. */
export function decodePageToken<Key extends readonly KeyPart[]>(
  token: string,
  queryHash: Uint8Array,
  shape: (key: readonly KeyPart[]) => key is Key,
): Key {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length < 1 + 2 * sumBytes || bytes.toString('base64url') !== token)
    throw invalid('it is damaged');
  const body = bytes.subarray(0, -sumBytes);
  if (!checksum(body).equals(bytes.subarray(-sumBytes))) throw invalid('it is damaged');
  if (body[0] !== version) throw invalid('it is of another version');
  if (!body.subarray(1, 1 + sumBytes).equals(queryHash))
    throw invalid('it belongs to another query');
  const key = decodeParts(body.subarray(1 + sumBytes));
  if (!key || !shape(key)) throw invalid('its key is not one of this query');
  return key;
}

function encodePart(part: KeyPart): Buffer {
  if (part === null) return Buffer.of(0);
  if (typeof part === 'number') {
    const encoded = Buffer.of(1, 0, 0, 0, 0, 0, 0, 0, 0);
    encoded.writeDoubleBE(part, 1);
    return encoded;
  }
  const isText = typeof part === 'string';
  const bytes = isText ? Buffer.from(part, 'utf8') : part;
  const head = Buffer.of(isText ? 3 : 2, 0, 0, 0, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Undefined where the bytes are not parts. */
function decodeParts(bytes: Buffer): readonly KeyPart[] | undefined {
  const parts: KeyPart[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at++];
    if (tag === 0) {
      parts.push(null);
      continue;
    }
    if (tag === 1) {
      if (at + 8 > bytes.length) return undefined;
      parts.push(bytes.readDoubleBE(at));
      at += 8;
      continue;
    }
    if ((tag !== 2 && tag !== 3) || at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    const content = bytes.subarray(at + 4, end);
    parts.push(tag === 2 ? content : content.toString('utf8'));
    at = end;
  }
  return parts;
}

function checksum(body: Uint8Array): Buffer {
  return hash('sha256', body, 'buffer').subarray(0, sumBytes);
}

function invalid(problem: string): EntError {
  return new EntError('INVALID_PAGE_TOKEN', `page_token: ${problem}`, {
    field: 'page_token',
    hint: 'send back next_page_token unchanged, with the same request; or begin without a token',
  });
}
