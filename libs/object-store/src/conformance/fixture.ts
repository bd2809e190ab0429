import { EntError, type ErrorCode } from '@entdb/base';
import type { ObjectStore } from '../object-store.ts';

/** A store made for the suite. */
export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** One more instance on the same objects, as another process would have. The suite closes it. */
  readonly another: () => ObjectStore;
  readonly cleanup: () => Promise<void>;
}

export interface Fixture {
  readonly store: () => ObjectStore;
  readonly another: () => ObjectStore;
  /** A folder of the test's own, with its `/`. */
  readonly newFolder: () => string;
  /** A path on disk for a file of the test's own. */
  readonly newFile: () => string;
}

export const bytes = (text: string): Uint8Array => Buffer.from(text);

export const codeOf = (promise: Promise<unknown>): Promise<ErrorCode | 'none'> =>
  promise.then(
    () => 'none' as const,
    (error: unknown) => {
      if (error instanceof EntError) return error.code;
      throw error;
    },
  );

export async function textOf(store: ObjectStore, key: string): Promise<string> {
  return Buffer.from(await store.read(key)).toString();
}

export async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

export async function keysOf(
  store: ObjectStore,
  prefix: string,
  startAfter?: string,
): Promise<readonly string[]> {
  const entries = await all(
    store.list({ prefix, ...(startAfter !== undefined && { startAfter }) }),
  );
  return entries.map(({ key }) => key);
}

/** Runs over the items, a few at a time. */
export async function inParallel<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = [...items].values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
