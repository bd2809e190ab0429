import { Readable } from 'node:stream';
import type { Clock } from '@entdb/base';

/**
 * The chunks of an answer's body. A body that is silent for too long while it is waited for is cut: neither the SDK nor Node would ever give up. A caller that takes
 * its time is not silence.
 */
export async function* chunksOf(
  body: Readable,
  { clock, idleMs }: { readonly clock: Clock; readonly idleMs: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const done = new AbortController();
  let waitingSince: number | undefined;
  const watch = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(Math.ceil(idleMs / 4), done.signal);
      if (waitingSince === undefined || clock.monotonic() - waitingSince < idleMs) continue;
      body.destroy(Object.assign(new Error(`no byte for ${idleMs} ms`), { name: 'TimeoutError' }));
      return;
    }
  };
  watch().catch(() => {}); // it ends by `done`, and by nothing else
  try {
    const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>; // no encoding is set: bytes
    for (;;) {
      waitingSince = clock.monotonic();
      const next = await chunks.next();
      waitingSince = undefined;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    done.abort();
    body.destroy(); // an unread body holds its socket for ever
  }
}

/** The SDK types bodies for browsers too. */
export function readableOf(body: unknown): Readable {
  if (body instanceof Readable) return body;
  throw new TypeError('the answer has no body to read');
}
