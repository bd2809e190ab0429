import { EntError, type Rng } from '@entdb/base';
import type { Backend, OpenObject } from './backend.ts';
import { contentOf } from './content.ts';
import { compareKeys, parseFolder, parseKeyPrefix, parseObjectKey } from './object-key.ts';
import type { ByteRange, CallOptions, ObjectStore } from './object-store.ts';
import { probe } from './probe.ts';

const readBytesMax = 64 * 1024 * 1024;
const removesInFlightMax = 16;
const sha256Pattern = /^[0-9a-f]{64}$/;

/** The port over an adapter: what every adapter must check alike is checked here, once. */
export function storeOver(backend: Backend, { rng }: { readonly rng: Rng }): ObjectStore {
  const closing = new AbortController();

  const begin = (options: CallOptions): AbortSignal => {
    closing.signal.throwIfAborted();
    options.signal?.throwIfAborted();
    return options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal;
  };

  const store: ObjectStore = {
    kind: backend.kind,

    create: async (text, body, options = {}) => {
      const { sha256 } = options;
      if (sha256 !== undefined && !sha256Pattern.test(sha256))
        throw new EntError('INVALID_ARGUMENT', `${JSON.stringify(sha256)} is no SHA-256 in hex`);
      const key = parseObjectKey(text);
      const signal = begin(options);
      return backend.create(key, contentOf(body, sha256), signal);
    },

    read: async (text, options = {}) => {
      const { range, bytesMax = readBytesMax } = options;
      if (range) assertRange(range);
      const key = parseObjectKey(text);
      const signal = begin(options);
      const object = await backend.open(key, range, signal);
      try {
        if (range && object.size !== range.length) throw outside(text, range);
        if (object.size > bytesMax)
          throw new EntError(
            'INVALID_ARGUMENT',
            `${text} has ${object.size} bytes; at most ${bytesMax} are read at once`,
            { hint: 'read it as a stream, or by ranges' },
          );
        const bytes = Buffer.allocUnsafeSlow(object.size);
        let at = 0;
        for await (const chunk of whole(text, object, signal)) {
          bytes.set(chunk, at);
          at += chunk.byteLength;
        }
        return bytes;
      } finally {
        await object.close();
      }
    },

    async *readStream(text, options = {}) {
      const key = parseObjectKey(text);
      const signal = begin(options);
      const object = await backend.open(key, undefined, signal);
      try {
        yield* whole(text, object, signal);
      } finally {
        await object.close();
      }
    },

    stat: async (text, options = {}) => {
      const key = parseObjectKey(text);
      return backend.stat(key, begin(options));
    },

    async *list(options) {
      const prefix = parseKeyPrefix(options.prefix);
      const { startAfter = '' } = options;
      const signal = begin(options);
      let last = startAfter;
      for await (const entry of backend.list({ prefix, startAfter }, signal)) {
        signal.throwIfAborted();
        last = assertNext(entry.key, last, prefix);
        yield entry;
      }
    },

    async *folders(text, options = {}) {
      const prefix = parseFolder(text);
      const signal = begin(options);
      let last = '';
      for await (const folder of backend.folders(prefix, signal)) {
        signal.throwIfAborted();
        last = assertNext(folder, last, prefix);
        yield folder;
      }
    },

    remove: async (texts, options = {}) => {
      const keys = texts.map(parseObjectKey).values();
      const signal = begin(options);
      const removeSome = async () => {
        for (const key of keys) {
          signal.throwIfAborted();
          await backend.remove(key, signal);
        }
      };
      await Promise.all(
        Array.from({ length: Math.min(removesInFlightMax, texts.length) }, removeSome),
      );
    },

    probe: (options = {}) =>
      probe(store, { rng, emulateCreate: backend.emulateCreate, ...options }),

    close: async () => {
      if (closing.signal.aborted) return;
      closing.abort(new EntError('SHUTTING_DOWN', 'the object store was closed'));
      await backend.close();
    },
  };
  return store;
}

/** Passes the chunks on, and fails when they come to another length than was announced. */
async function* whole(
  key: string,
  object: OpenObject,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let got = 0;
  for await (const chunk of object.chunks) {
    signal.throwIfAborted();
    got += chunk.byteLength;
    if (got > object.size) break;
    yield chunk;
  }
  if (got !== object.size)
    throw new EntError(
      'OBJECT_STORE_UNAVAILABLE',
      `reading ${key} ended after ${got} of ${object.size} bytes`,
    );
}

function assertRange(range: ByteRange): void {
  const { offset, length } = range;
  if (Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 1)
    return;
  throw new EntError('INVALID_ARGUMENT', `offset ${offset}, length ${length} is no range of bytes`);
}

function outside(key: string, { offset, length }: ByteRange): EntError {
  return new EntError(
    'INVALID_ARGUMENT',
    `bytes ${offset} to ${offset + length - 1} do not lie inside ${key}`,
  );
}

/** Whoever reads a listing relies on its order to know that nothing is missing before what he has seen. */
function assertNext(key: string, last: string, prefix: string): string {
  if (key.startsWith(prefix) && compareKeys(last, key) < 0) return key;
  throw new EntError(
    'OBJECT_STORE_UNSAFE',
    `the listing of ${JSON.stringify(prefix)} gave ${JSON.stringify(key)} after ${JSON.stringify(last)}`,
    { hint: 'use a store that lists keys in the order of their bytes' },
  );
}
