/**
 * Work under way and its results on their way out, together bounded: whoever waits for `room` before starting more is slowed down by a
 * slow log and by a slow reader alike.
 */
export interface OutcomeQueue<T> {
  /** Resolves when one more piece of work may start, or when none may any more. */
  room(): Promise<void>;
  readonly finished: boolean;
  start(work: Promise<T>): void;
  /** Nothing more is started. The results still come, and then the error, if there is one. The first call counts. */
  finish(error?: unknown): void;
  /** Results in the order in which they are known. To be called once. A piece of work that fails ends it at once. */
  results(): AsyncGenerator<T, void, undefined>;
}

export function createOutcomeQueue<T>(openMax: number): OutcomeQueue<T> {
  const ready: T[] = [];
  /** Under way, or not yet taken. */
  let open = 0;
  let end: { readonly error?: unknown } | undefined;
  let failure: { readonly error: unknown } | undefined;
  let change = Promise.withResolvers<void>();
  const changed = () => {
    change.resolve();
    change = Promise.withResolvers<void>();
  };

  return {
    room: async () => {
      while (open >= openMax && !end) await change.promise;
    },
    get finished() {
      return end !== undefined;
    },
    start: (work) => {
      open += 1;
      work.then(
        (result) => {
          ready.push(result);
          changed();
        },
        (error: unknown) => {
          failure ??= { error };
          changed();
        },
      );
    },
    finish: (error) => {
      end ??= error === undefined ? {} : { error };
      changed();
    },
    async *results() {
      for (;;) {
        for (const result of ready.splice(0)) {
          yield result;
          open -= 1;
          changed();
        }
        if (failure) throw failure.error;
        if (end && open === 0) break;
        if (ready.length === 0) await change.promise;
      }
      if ('error' in end) throw end.error;
    },
  };
}
