import type { Content } from './content.ts';
import type { ObjectKey } from './object-key.ts';
import type { ByteRange, ObjectEntry, ObjectFacts } from './object-store.ts';

/** What an adapter does by itself; what all do alike (checks, lengths, the probe) stands above it, in `storeOver`. */
export interface Backend {
  readonly kind: string;
  create(key: ObjectKey, content: Content, signal: AbortSignal): Promise<'created' | 'exists'>;
  /** Begins to read. Rejects with OBJECT_NOT_FOUND, and with INVALID_ARGUMENT for a range that begins outside. */
  open(key: ObjectKey, range: ByteRange | undefined, signal: AbortSignal): Promise<OpenObject>;
  stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectFacts | undefined>;
  list(
    query: { readonly prefix: string; readonly startAfter: string },
    signal: AbortSignal,
  ): AsyncIterable<ObjectEntry>;
  folders(prefix: string, signal: AbortSignal): AsyncIterable<string>;
  remove(key: ObjectKey, signal: AbortSignal): Promise<void>;
  /** From now on `create` looks first and reads back. Absent where nobody allowed it, or nobody could need it. */
  readonly emulateCreate?: (() => void) | undefined;
  close(): Promise<void>;
}

/** An object, or a range of it, on its way. Whoever opens it closes it. */
export interface OpenObject {
  /** What `chunks` must come to. */
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
