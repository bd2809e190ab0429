import { createHash, hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { EntError } from '@entdb/base';
import type { ObjectBody } from './object-store.ts';

/**
 * What is to be stored, whether it is in memory or in a file. The pieces prove themselves: after the last one, size and SHA-256 have been compared, so
 * an adapter makes the object visible only when the loop has ended.
 */
export interface Content {
  readonly size: number;
  /** Pieces of `bytes` each, the last one shorter; none for an empty body. They may be views of the caller's memory. */
  pieces(bytes: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Hex; undefined until `pieces` has ended. */
  sha256(): string | undefined;
}

export function contentOf(body: ObjectBody, expected: string | undefined): Content {
  return body instanceof Uint8Array ? bytesContent(body, expected) : fileContent(body, expected);
}

/** The whole content in one piece of memory. */
export async function wholeOf(content: Content, signal: AbortSignal): Promise<Uint8Array> {
  for await (const piece of content.pieces(Math.max(content.size, 1), signal)) return piece;
  return new Uint8Array(0);
}

function bytesContent(body: Uint8Array, expected: string | undefined): Content {
  const sha256 = hash('sha256', body, 'hex');
  assertHash(sha256, expected, 'the bytes');
  return {
    size: body.byteLength,
    sha256: () => sha256,
    async *pieces(bytes) {
      for (let at = 0; at < body.byteLength; at += bytes) yield body.subarray(at, at + bytes);
    },
  };
}

function fileContent(
  body: { readonly path: string; readonly size: number },
  expected: string | undefined,
): Content {
  const { path, size } = body;
  let known: string | undefined;
  return {
    size,
    sha256: () => known,
    async *pieces(bytes, signal) {
      const hasher = createHash('sha256');
      const file = await open(path, 'r');
      try {
        assertSize(path, (await file.stat()).size, size);
        for (let at = 0; at < size; at += bytes) {
          signal.throwIfAborted();
          const piece = Buffer.allocUnsafeSlow(Math.min(bytes, size - at));
          await fill(path, file, piece, at);
          hasher.update(piece);
          // The last piece is held back until all of them are known to be right: a receiver may store it as it comes.
          if (at + bytes >= size) {
            known = hasher.digest('hex');
            assertHash(known, expected, path);
          }
          yield piece;
        }
        if (size === 0) {
          known = hasher.digest('hex');
          assertHash(known, expected, path);
        }
      } finally {
        await file.close();
      }
    },
  };
}

type Readable = {
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
};

async function fill(path: string, file: Readable, piece: Buffer, at: number): Promise<void> {
  for (let got = 0; got < piece.length;) {
    const { bytesRead } = await file.read(piece, got, piece.length - got, at + got);
    if (bytesRead === 0) assertSize(path, at + got, at + piece.length);
    got += bytesRead;
  }
}

function assertSize(path: string, actual: number, size: number): void {
  if (actual === size) return;
  throw new EntError('OBJECT_CORRUPT', `${path} has ${actual} bytes where ${size} were announced`, {
    hint: 'the file must not change while it is stored',
  });
}

function assertHash(actual: string, expected: string | undefined, what: string): void {
  if (expected === undefined || actual === expected) return;
  throw new EntError(
    'OBJECT_CORRUPT',
    `${what} to be stored hash to ${actual}, not to ${expected}`,
    {
      hint: 'nothing was stored',
    },
  );
}
