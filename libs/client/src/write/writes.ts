/** The write side of a tenant: from a planner to a request, and from the answer to a result. */
import { create } from '@bufbuild/protobuf';
import { invariant, parseIdempotencyKey, type Clock, type EntError, type Rng } from '@entdb/base';
import { ExecuteAtomicRequestSchema, Wait, type ExecuteAtomicResponse } from '@entdb/contracts';
import { startBudget, type CallOptions } from '../fleet/budget.ts';
import { toEntError } from '../fleet/errors.ts';
import type { Positions } from '../fleet/positions.ts';
import type { Schema } from '../schema/schema.ts';
import type { EdgeType, NodeType } from '../schema/types.ts';
import { mintKey } from './key.ts';
import { buildPlan, type BuiltPlan, type Planner } from './plan.ts';
import { receiptOf, resultOf, type Receipt, type Result } from './result.ts';
import type { Writer } from './writer.ts';

export interface AtomicOptions extends CallOptions {
  /** The same key with the same plan has one effect and one result, for ever. A UUIDv7 is minted where none is given. */
  readonly idempotencyKey?: string;
  /** `applied` (the default): answer with the verdict. `durable`: answer when the log has it. */
  readonly wait?: 'applied' | 'durable';
}

export interface BatchOptions extends CallOptions {
  /** The key of each plan, by its place in the list. */
  readonly idempotencyKey?: (index: number) => string;
}

export type BatchOutcome<Returned> =
  | { readonly ok: true; readonly result: Result<Returned> }
  | { readonly ok: false; readonly error: EntError };

export interface Writes<Node extends NodeType, Edge extends EdgeType> {
  /**
   * One transaction: all of it happens, or nothing. Throws the verdict where it is a rejection. Retries by itself, with the
   * same key; an error names the key in `facts.metadata.idempotency_key`.
   */
  atomic<Returned>(
    planner: Planner<Node, Edge, Returned>,
    options?: AtomicOptions & { readonly wait?: 'applied' },
  ): Promise<Result<Returned>>;
  atomic<Returned>(
    planner: Planner<Node, Edge, Returned>,
    options: AtomicOptions & { readonly wait: 'durable' },
  ): Promise<Receipt<Returned>>;

  /** Independent transactions in one call, each with its own verdict, in their order. */
  batch<Returned>(
    planners: readonly Planner<Node, Edge, Returned>[],
    options?: BatchOptions,
  ): Promise<readonly BatchOutcome<Returned>[]>;
}

export interface WriteContext<Node extends NodeType, Edge extends EdgeType> {
  readonly tenantId: string;
  readonly schema: Schema<Node, Edge>;
  readonly writer: Writer;
  readonly positions: Positions;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timeoutMs: number;
}

export function createWrites<Node extends NodeType, Edge extends EdgeType>(
  context: WriteContext<Node, Edge>,
): Writes<Node, Edge> {
  const { tenantId, schema, writer, positions, clock, rng } = context;

  const prepare = <Returned>(
    planner: Planner<Node, Edge, Returned>,
    key: string | undefined,
    wait: Wait,
  ) => {
    const plan = buildPlan(schema, planner);
    const idempotencyKey = parseIdempotencyKey(key ?? mintKey(clock, rng));
    const request = create(ExecuteAtomicRequestSchema, {
      tenantId,
      idempotencyKey,
      operations: [...plan.operations],
      preconditions: [...plan.preconditions],
      wait,
      schemaFingerprint: schema.fingerprint,
    });
    return { plan, request, idempotencyKey };
  };
  const budgetOf = (options: CallOptions) =>
    startBudget(clock, options.timeoutMs ?? context.timeoutMs, options.signal);
  const learn = <R extends Receipt>(result: R): R => {
    positions.saw(tenantId, result.position);
    return result;
  };
  async function outcomeOf<Returned>(
    key: string,
    plan: BuiltPlan<Returned>,
    answer: Promise<ExecuteAtomicResponse> | undefined,
  ): Promise<BatchOutcome<Returned>> {
    invariant(answer, 'every request has an answer');
    try {
      return { ok: true, result: learn(resultOf(key, plan, await answer)) };
    } catch (thrown) {
      return { ok: false, error: toEntError(thrown) };
    }
  }

  async function atomic<Returned>(
    planner: Planner<Node, Edge, Returned>,
    options: AtomicOptions = {},
  ) {
    const durable = options.wait === 'durable';
    const wait = durable ? Wait.DURABLE : Wait.APPLIED;
    const { plan, request, idempotencyKey } = prepare(planner, options.idempotencyKey, wait);
    using budget = budgetOf(options);
    const response = await writer.execute(request, budget);
    return learn(
      durable
        ? receiptOf(idempotencyKey, plan, response)
        : resultOf(idempotencyKey, plan, response),
    );
  }

  return {
    atomic: atomic as Writes<Node, Edge>['atomic'], // the answer is a Result unless `durable` is asked for
    batch: async (planners, options = {}) => {
      const prepared = planners.map((planner, i) =>
        prepare(planner, options.idempotencyKey?.(i), Wait.APPLIED),
      );
      using budget = budgetOf(options);
      const answers = writer.executeBatch(
        prepared.map(({ request }) => request),
        budget,
      );
      return await Promise.all(
        prepared.map(({ plan, idempotencyKey }, i) => outcomeOf(idempotencyKey, plan, answers[i])),
      );
    },
  };
}
