/**
 * What a JSON text loses before anyone can see it, put right at the door: bytes that are no UTF-8 become U+FFFD in every decoder,
 * and integers beyond 2^53 become their neighbours in JSON.parse. The first are refused; the second are passed on as text, which
 * the JSON of protobuf takes for a 64-bit integer as well as a number.
 */
import { EntError } from '@entdb/base';

/** A body that is one JSON text. Compressed ones, and streams of JSON in envelopes, are not. */
export function isJsonText(header: Headers): boolean {
  const encoding = header.get('content-encoding') ?? 'identity';
  return (
    encoding === 'identity' && header.get('content-type')?.startsWith('application/json') === true
  );
}

/**
 * The same text in one chunk. What is longer than `bytesMax` is passed through as it comes, for the reader to refuse. Throws
 * INVALID_ARGUMENT for bytes that are no UTF-8.
 */
export async function* exactJson(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  const read: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    read.push(chunk);
    if (bytes > bytesMax) yield* read.splice(0);
  }
  if (bytes > bytesMax) return;
  yield Buffer.from(quoteLargeIntegers(textOf(Buffer.concat(read))));
}

function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new EntError('INVALID_ARGUMENT', 'the request is not UTF-8', {
      hint: 'encode JSON as UTF-8; send bytes that are no text as base64 in a bytes value',
      cause,
    });
  }
}

/** Strings first, so that no digit inside one is taken for a number. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Puts quotes around integers that a double does not hold. */
export function quoteLargeIntegers(text: string): string {
  if (!/\d{16}/.test(text)) return text;
  return text.replace(stringOrNumber, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
}
