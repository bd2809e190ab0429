/** Asks the applier that owns a tenant; when it cannot answer, the next replica, until the budget is used up. */
import { EntError, type Clock, type Rng } from '@entdb/base';
import { attemptWithin, unlessAborted, type Attempt, type Budget } from './budget.ts';
import type { Server, Servers } from './connection.ts';
import { toEntError } from './errors.ts';
import { decideRead } from './retry.ts';
import type { Topology } from './topology.ts';

export type Query = Server['query'];
type Ask<T> = (query: Query, attempt: Attempt) => Promise<T>;
type Replicas = () => Promise<readonly string[]>;

export interface Reader {
  read<T>(tenantId: string, budget: Budget, ask: Ask<T>): Promise<T>;
  /** The same for what belongs to a shard rather than to a tenant. */
  readShard<T>(shard: number, budget: Budget, ask: Ask<T>): Promise<T>;
  /**
   * A stream that is opened again whenever it ends: `open` says from where. Ends by the signal, by an error that time does not
   * heal, or when nothing could be opened for the time of `patienceMs`.
   */
  follow<T>(
    tenantId: string,
    signal: AbortSignal,
    open: (query: Query, signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T>;
}

export interface ReaderOptions {
  readonly servers: Servers;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly attemptTimeoutMs: number;
  readonly patienceMs: number;
}

/** A stream that lived this long was sound: servers end streams in the ordinary course of things. */
const soundStreamMs = 5_000;

export function createReader(options: ReaderOptions): Reader {
  const { servers, topology, clock, rng, attemptTimeoutMs, patienceMs } = options;

  /** Chooses servers for one call, and learns from what becomes of them. */
  function route(replicasOf: Replicas) {
    let owner: string | undefined;
    let asked: string | undefined;
    let replicas = 1;
    return {
      next: async (signal: AbortSignal): Promise<Server> => {
        asked = owner;
        owner = undefined;
        if (asked === undefined) {
          const addresses = await unlessAborted(replicasOf(), signal);
          replicas = addresses.length;
          [asked] = addresses;
        }
        return servers.at(asked ?? '');
      },
      /** Resolves when another try is due. Throws the error where there is none. */
      failed: async (
        error: EntError,
        failures: number,
        remainingMs: number,
        signal: AbortSignal,
      ): Promise<void> => {
        const untried = asked === undefined ? 0 : Math.max(0, replicas - 1 - failures);
        const { followsOwner } = topology;
        const decision = decideRead({ error, failures, remainingMs, rng, followsOwner, untried });
        if (decision.kind === 'follow-owner' || decision.kind === 'next-server')
          topology.avoid(asked);
        if (decision.kind === 'follow-owner') owner = decision.address;
        else if ('delayMs' in decision) await clock.sleep(decision.delayMs, signal);
        else throw error;
      },
    };
  }

  async function read<T>(replicasOf: Replicas, budget: Budget, ask: Ask<T>): Promise<T> {
    const { signal } = budget;
    const routed = route(replicasOf);
    for (let failures = 0; ; failures++) {
      try {
        const { query } = await routed.next(signal);
        return await ask(query, attemptWithin(budget, attemptTimeoutMs));
      } catch (thrown) {
        if (signal.aborted) throw toEntError(signal.reason);
        await routed.failed(toEntError(thrown), failures, budget.remainingMs(), signal);
      }
    }
  }

  return {
    read: (tenantId, budget, ask) => read(() => topology.replicasOf(tenantId), budget, ask),
    readShard: (shard, budget, ask) => read(() => topology.replicasOfShard(shard), budget, ask),
    async *follow(tenantId, signal, open) {
      const routed = route(() => topology.replicasOf(tenantId));
      let soundAt = clock.monotonic();
      for (let failures = 0; !signal.aborted; failures++) {
        const openedAt = clock.monotonic();
        let error = new EntError('UNREACHABLE', 'the server ended the stream');
        try {
          const { query } = await routed.next(signal);
          for await (const item of open(query, signal)) {
            failures = 0;
            soundAt = clock.monotonic();
            yield item;
          }
        } catch (thrown) {
          error = toEntError(thrown);
        }
        signal.throwIfAborted();
        const now = clock.monotonic();
        if (now - openedAt >= soundStreamMs) [soundAt, failures] = [now, 0];
        await routed.failed(error, failures, soundAt + patienceMs - now, signal);
      }
    },
  };
}
