import { EntError, toError, type ErrorCode, type ErrorFacts } from '@entdb/base';
import { Worker, type MessagePort, type Transferable } from 'node:worker_threads';

/** Calls to a worker thread: one message there, one back. SQLite blocks its thread, so it never runs on the event loop's. */
export type Methods<M> = { readonly [K in keyof M]: (params: never) => unknown };
type Params<F> = F extends (params: infer P) => unknown ? P : never;
type Result<F> = F extends (params: never) => infer R ? Awaited<R> : never;

interface Request {
  readonly id: number;
  readonly method: PropertyKey;
  readonly params: unknown;
}

type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly fault: Fault });

interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly facts: ErrorFacts;
}

export interface WorkerClient<M> {
  call<K extends keyof M>(
    method: K,
    params: Params<M[K]>,
    transfer?: readonly Transferable[],
  ): Promise<Result<M[K]>>;
  /** Lets the worker finish what it does and end. Calls that are open then fail. Rejects with `lostCode` when its end went wrong. */
  close(): Promise<void>;
}

export interface WorkerClientOptions {
  readonly url: URL;
  /** What the thread is called in messages. */
  readonly name: string;
  readonly workerData: unknown;
  /** The code of calls that were open when the thread died. */
  readonly lostCode: ErrorCode;
  /** Told when the thread ends without having been closed. */
  readonly onLost?: (cause: unknown) => void;
}

/**
 * The worker is started by the first call. If it dies, its open calls fail with `lostCode`, and the next call starts
 * another: all it knows must be in files.
 */
export function createWorkerClient<M extends Methods<M>>(
  options: WorkerClientOptions,
): WorkerClient<M> {
  const { url, workerData } = options;
  interface Open {
    readonly resolve: (value: unknown) => void;
    readonly reject: (error: EntError) => void;
  }
  interface Running {
    readonly worker: Worker;
    readonly open: Map<number, Open>;
    /** With what the worker died of, if it did not end by itself. */
    readonly exited: Promise<unknown>;
  }
  let running: Running | undefined;
  let closed = false;
  let lastId = 0;

  const start = (): Running => {
    const worker = new Worker(url, { workerData });
    const open = new Map<number, Open>();
    let cause: unknown;
    worker.on('message', (reply: Reply) => {
      const call = open.get(reply.id);
      open.delete(reply.id);
      if ('value' in reply) call?.resolve(reply.value);
      else call?.reject(new EntError(reply.fault.code, reply.fault.message, reply.fault.facts));
    });
    worker.on('error', (error) => {
      cause = error;
    });
    const exited = new Promise<unknown>((resolve) => {
      worker.on('exit', () => {
        if (running?.worker === worker) running = undefined;
        for (const call of open.values()) call.reject(gone(cause));
        resolve(cause);
        if (!closed) options.onLost?.(cause);
      });
    });
    return { worker, open, exited };
  };

  const gone = (cause: unknown) =>
    new EntError(closed ? 'SHUTTING_DOWN' : options.lostCode, `${options.name} has ended`, {
      cause,
    });

  return {
    call: (method, params, transfer = []) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(gone(undefined));
          return;
        }
        running ??= start();
        lastId += 1;
        // The worker answers with what the method returns: both ends are typed by M.
        running.open.set(lastId, { resolve: resolve as (value: unknown) => void, reject });
        const request: Request = { id: lastId, method, params };
        try {
          running.worker.postMessage(request, transfer);
        } catch (error) {
          running.open.delete(lastId);
          throw error; // rejects the call
        }
      }),
    close: async () => {
      closed = true;
      if (!running) return;
      const { worker, exited } = running;
      worker.postMessage('close');
      const cause = await exited;
      if (cause !== undefined)
        throw new EntError(options.lostCode, `${options.name} did not end in order`, { cause });
    },
  };
}

/** A value of which some parts are handed over instead of copied. */
export class Handover<T> {
  readonly value: T;
  readonly transfer: readonly Transferable[];

  constructor(value: T, transfer: readonly Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/** What handlers of `M` may return. */
export type Handlers<M extends Methods<M>> = {
  readonly [K in keyof M]: (params: Params<M[K]>) => Promise<Result<M[K]> | Handover<Result<M[K]>>>;
};

/** The other end: answers calls until it is told to close. */
export function serveCalls<M extends Methods<M>>(
  port: MessagePort,
  handlers: Handlers<M>,
  close: () => void,
): void {
  const answer = async ({ id, method, params }: Request) => {
    try {
      // Sent by a client of the same M.
      const handler = handlers[method as keyof M] as (params: unknown) => Promise<unknown>;
      const result = await handler(params);
      const handover = result instanceof Handover ? result : new Handover(result, []);
      port.postMessage({ id, value: handover.value } satisfies Reply, handover.transfer);
    } catch (error) {
      port.postMessage({ id, fault: asFault(error) } satisfies Reply);
    }
  };
  port.on('message', (message: Request | 'close') => {
    if (message !== 'close') {
      void answer(message);
      return;
    }
    close();
    port.close();
  });
}

function asFault(thrown: unknown): Fault {
  if (!(thrown instanceof EntError)) {
    return {
      code: 'INTERNAL',
      message: toError(thrown).message,
      facts: { cause: toError(thrown) },
    };
  }
  const { cause, ...facts } = thrown.facts;
  return {
    code: thrown.code,
    message: thrown.message,
    facts: cause === undefined ? facts : { ...facts, cause: toError(cause) },
  };
}
