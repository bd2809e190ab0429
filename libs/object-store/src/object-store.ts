/**
 * Objects: bytes under a name, written once and never changed. One conformance suite (conformance.ts) holds every adapter to this contract.
 *
 * There is no way to overwrite an object, for nobody needs one: what changes gets a new name, and of two writers of one name only the first is heard. So an
 * object that was read once can be trusted to stay as it is, and two archivers alive at once do no harm.
 *
 * Failures are EntErrors: OBJECT_NOT_FOUND, INVALID_OBJECT_KEY, OBJECT_STORE_UNAVAILABLE (try again), OBJECT_STORE_DENIED and OBJECT_STORE_UNSAFE (somebody
 * must change a setting), OBJECT_CORRUPT, SHUTTING_DOWN after `close`. A call that is aborted rejects with the signal's reason.
 *
 * What is stored may have been damaged since: the store compares lengths, and whoever reads compares a SHA-256 of his own.
 */
export interface ObjectStore {
  /** What it is, for health and logs: `s3`, `directory`, `memory`. */
  readonly kind: string;
  /**
   * Writes an object that must not be there yet. `created`: this call wrote it, and it is durable. `exists`: there is one under this name, durable as well, and it
   * was left alone; whether it has the same bytes is for the caller to find out.
   *
   * After OBJECT_STORE_UNAVAILABLE or an abort nobody knows whether it was written: another `create` says `exists` if so. Retries inside the call are
   * settled inside it: one that meets the bytes of its own lost attempt answers `created`.
   */
  create(key: string, body: ObjectBody, options?: CreateOptions): Promise<'created' | 'exists'>;
  /** The whole object, or exactly the bytes of the range. INVALID_ARGUMENT for a range that does not lie inside, or for more than `bytesMax`. */
  read(key: string, options?: ReadOptions): Promise<Uint8Array>;
  /** The whole object in pieces, in bounded memory, as fast as the caller takes them. Ends without an error only when every byte was given. */
  readStream(key: string, options?: CallOptions): AsyncIterable<Uint8Array>;
  stat(key: string, options?: CallOptions): Promise<ObjectFacts | undefined>;
  /**
   * The objects whose keys begin with the prefix, which need not end at a `/`, in the order of their keys' UTF-8 bytes; after `startAfter` where it is given.
   * However many there are: pages are fetched as the caller goes on. Keys are given as they stand in the store, also those that `create` would refuse.
   */
  list(options: ListOptions): AsyncIterable<ObjectEntry>;
  /** The folders right below a prefix that is empty or ends with `/`: whole prefixes with their `/` at the end, in the order of `list`. */
  folders(prefix: string, options?: CallOptions): AsyncIterable<string>;
  /** Removes objects; those that are not there count as removed. A failure leaves the others in any state: call again. */
  remove(keys: readonly string[], options?: CallOptions): Promise<void>;
  /**
   * Proves on small objects of its own, below `probe/`, that this store keeps the contract: a second `create` changes nothing, and what was written can be
   * read and is listed. To be called before the first write of a process. Rejects with OBJECT_STORE_UNSAFE when the store cannot be trusted, and
   * with OBJECT_STORE_DENIED when it may not be used.
   */
  probe(options?: CallOptions): Promise<ProbeResult>;
  /** Ends what is under way. Safe to call twice. */
  close(): Promise<void>;
}

/** Bytes at hand, or a file that is read as it is sent. */
export type ObjectBody = Uint8Array | FileBody;

export interface FileBody {
  readonly path: string;
  /** Bytes. A file of another size is refused. */
  readonly size: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface CreateOptions extends CallOptions {
  /** What the body must hash to, in lower-case hex; other bytes are OBJECT_CORRUPT and are not stored. */
  readonly sha256?: string;
}

export interface ByteRange {
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
}

export interface ReadOptions extends CallOptions {
  readonly range?: ByteRange;
  /** The most that the caller is ready to hold in memory; 64 MiB unless told. */
  readonly bytesMax?: number;
}

export interface ListOptions extends CallOptions {
  readonly prefix: string;
  readonly startAfter?: string;
}

export interface ObjectFacts {
  readonly size: number;
  /** Milliseconds since 1970, by the store's clock. For ages, never for order. */
  readonly modifiedMs: number;
}

export interface ObjectEntry extends ObjectFacts {
  readonly key: string;
}

export interface ProbeResult {
  /**
   * `native`: the store itself refuses to overwrite. `emulated`: it does not, this was allowed, and `create` now looks first and reads back afterwards: safe for
   * one writer a name, while of two at the same moment both may believe that they were first.
   */
  readonly conditionalCreate: 'native' | 'emulated';
}
