import type { IncomingMessage } from 'node:http';
import { EntError } from '@entdb/base';

/** A body that is one JSON text. Compressed ones, and streams of JSON in envelopes, are not. */
export function isJsonText({ headers }: IncomingMessage): boolean {
  const encoding = headers['content-encoding'] ?? 'identity';
  return (
    encoding === 'identity' && headers['content-type']?.startsWith('application/json') === true
  );
}

/**
 * The same chunks. Throws INVALID_ARGUMENT for bytes that are no UTF-8: decoders put U+FFFD in their place, and what is stored
 * would not be what was sent.
 */
export async function* onlyUtf8(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const check = (decode: () => string): void => {
    try {
      decode();
    } catch (cause) {
      throw new EntError('INVALID_ARGUMENT', 'the request is not UTF-8', {
        hint: 'encode JSON as UTF-8; send bytes that are no text as base64 in a bytes value',
        cause,
      });
    }
  };
  for await (const chunk of chunks) {
    check(() => decoder.decode(chunk, { stream: true }));
    yield chunk;
  }
  check(() => decoder.decode());
}
