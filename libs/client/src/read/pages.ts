/** Results in pages, read as they are needed: one by one with `for await`, or page by page. */
import { EntError } from '@entdb/base';

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; undefined on the last. Good for this very query only. */
  readonly next: string | undefined;
}

export interface Pages<T, P extends Page<T> = Page<T>> extends AsyncIterable<T> {
  /** One page: the first, or the one that a token names. It may be short or empty and still have a next one. */
  page(token?: string): Promise<P>;
  first(): Promise<T | undefined>;
  /** All of them. Throws TOO_MANY_MATCHES beyond `max`; iterate where there may be more. */
  all(options?: { readonly max?: number }): Promise<readonly T[]>;
}

const allMax = 10_000;

export function createPages<T, P extends Page<T>>(
  fetch: (token: string) => Promise<P>,
): Pages<T, P> {
  async function* items(): AsyncGenerator<T> {
    let token: string | undefined = '';
    while (token !== undefined) {
      const page: P = await fetch(token);
      yield* page.items;
      token = page.next;
    }
  }
  return {
    [Symbol.asyncIterator]: items,
    page: (token = '') => fetch(token),
    first: async () => {
      for await (const item of items()) return item;
      return undefined;
    },
    all: async ({ max = allMax } = {}) => {
      const found: T[] = [];
      for await (const item of items()) {
        if (found.length === max) {
          throw new EntError('TOO_MANY_MATCHES', `there are more than ${max} results`, {
            hint: 'iterate with "for await", or raise max',
          });
        }
        found.push(item);
      }
      return found;
    },
  };
}

export function nextOf({ nextPageToken }: { readonly nextPageToken: string }): string | undefined {
  return nextPageToken === '' ? undefined : nextPageToken;
}
