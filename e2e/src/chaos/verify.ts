/**
 * After the last fault: is everything that was answered there, once, as it was answered, and nothing else? Asked from outside,
 * of the services' published ports, with the requests and answers as they went over the wire.
 */
import { toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  Direction,
  ErrorDetailSchema,
  TransactionResultSchema,
  Wait,
  type Edge,
  type ErrorDetail,
  type Node,
  type ReadScope,
  type TransactionResult,
} from '@entdb/contracts';
import type { Server } from '../parts/server.ts';
import type { Entry, Ledger } from './ledger.ts';
import { createModel, edgeName, textOf, type Model } from './model.ts';
import { CountedBy, Counter, Item, schema } from './schema.ts';
import type { Heard, Wiretap } from './wiretap.ts';

export interface Findings {
  readonly acknowledged: number;
  readonly found: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Of the acknowledged: stored rejections. */
  readonly rejected: number;
  /** Results that were heard under load, asked for again, and answered to the same request through another gateway. */
  readonly resultsEqual: number;
  readonly unknownApplied: number;
  readonly unknownNotApplied: number;
  readonly nodes: number;
  readonly edges: number;
  /** Each is a broken promise. */
  readonly discrepancies: readonly string[];
}

export interface VerifyOptions {
  readonly gateways: readonly Server[];
  readonly appliers: readonly Server[];
  readonly tenants: readonly string[];
  readonly ledger: Ledger;
  readonly wiretap: Wiretap;
}

/** One key: all that the program was told of it, and what the database says of it afterwards. */
interface Key {
  readonly tenantId: string;
  readonly key: string;
  readonly entries: readonly Entry[];
  readonly acknowledged: boolean;
  readonly heard: Heard | undefined;
  /** As GetResult gave it after the last fault. */
  stored: TransactionResult | undefined;
  /** The answers to the same request afterwards. */
  readonly again: Outcome[];
}

type Outcome =
  | { readonly case: 'result'; readonly result: TransactionResult }
  | { readonly case: 'rejected'; readonly detail: ErrorDetail };

type Complain = (key: Pick<Key, 'tenantId' | 'key'>, problem: string) => void;

const batchMax = 200;
const askedAtOnce = 32;
const pageSize = 1_000;
const timeoutMs = 60_000;

export async function verify(options: VerifyOptions): Promise<Findings> {
  const { gateways, appliers, tenants, ledger, wiretap } = options;
  const [applier] = appliers;
  if (!applier) throw new Error('there is no applier to ask');
  const discrepancies: string[] = [];
  const complain: Complain = ({ tenantId, key }, problem) =>
    void discrepancies.push(`${tenantId}/${key}: ${problem}`);
  const keys = keysOf(ledger, wiretap);

  await inParallel(keys, askedAtOnce, (key) => lookUp(applier, key));
  const lost = keys.filter((key) => key.acknowledged && !key.stored);
  for (const key of lost) complain(key, 'it was acknowledged, and the database does not know it');
  const unknown = keys.filter(({ acknowledged }) => !acknowledged);
  const unknownApplied = unknown.filter(({ stored }) => stored !== undefined).length;

  await sendAgain(gateways, keys, complain);
  const settled = keys.filter(({ stored, again }) => !stored && again.length > 0);
  await inParallel(settled, askedAtOnce, (key) => lookUp(applier, key));

  let resultsEqual = 0;
  for (const key of keys) {
    const problems = problemsOf(key);
    for (const problem of problems) complain(key, problem);
    if (problems.length === 0 && key.stored) resultsEqual += 1;
  }

  const state = { nodes: 0, edges: 0, missing: 0, surplus: 0 };
  const byTenant = Map.groupBy(keys, ({ tenantId }) => tenantId);
  for (const tenantId of tenants) {
    const model = replay(byTenant.get(tenantId) ?? [], complain);
    for (const one of appliers) {
      const { missing, surplus } = await compare(one, tenantId, model, discrepancies);
      state.missing += missing;
      state.surplus += surplus;
    }
    state.nodes += model.nodes.size;
    state.edges += model.edges.size;
  }

  const acknowledged = keys.filter((key) => key.acknowledged);
  return {
    acknowledged: acknowledged.length,
    found: acknowledged.length - lost.length,
    lost: lost.length + state.missing,
    duplicated: state.surplus,
    rejected: acknowledged.filter(({ stored }) => stored?.outcome.case === 'rejected').length,
    resultsEqual,
    unknownApplied,
    unknownNotApplied: unknown.length - unknownApplied,
    nodes: state.nodes,
    edges: state.edges,
    discrepancies,
  };
}

function keysOf(ledger: Ledger, wiretap: Wiretap): readonly Key[] {
  const byName = Map.groupBy(ledger.entries, ({ tenantId, key }) => `${tenantId}/${key}`);
  return [...byName.values()].flatMap((entries) => {
    const [first] = entries;
    if (!first) return [];
    const { tenantId, key } = first;
    const acknowledged = entries.some(({ answer }) => answer.kind !== 'unknown');
    const heard = wiretap.of(tenantId, key);
    return [{ tenantId, key, entries, acknowledged, heard, stored: undefined, again: [] }];
  });
}

async function lookUp({ query }: Server, key: Key): Promise<void> {
  const scope = { tenantId: key.tenantId };
  const { result } = await query.getResult({ scope, idempotencyKey: key.key }, { timeoutMs });
  key.stored = result;
}

/** Every request once more, through another gateway than before. What had no effect yet has it now. */
async function sendAgain(
  gateways: readonly Server[],
  keys: readonly Key[],
  complain: Complain,
): Promise<void> {
  const other = ({ entries }: Key) => ((entries[0]?.gateway ?? 0) + 1) % gateways.length;
  const requests = keys.flatMap((key) => (key.heard ? [{ key, request: key.heard.request }] : []));
  for (const [index, group] of Map.groupBy(requests, ({ key }) => other(key))) {
    for (let from = 0; from < group.length; from += batchMax) {
      const part = group.slice(from, from + batchMax);
      const transactions = part.map(({ request }) => ({
        ...request,
        wait: Wait.APPLIED,
        schema: schema.definition,
      }));
      const answer = await gateways[index]?.command.executeBatch({ transactions }, { timeoutMs });
      for (const [i, { key }] of part.entries()) {
        const outcome = answer?.outcomes[i]?.outcome;
        if (outcome?.case === 'response' && outcome.value.result)
          key.again.push({ case: 'result', result: outcome.value.result });
        else if (outcome?.case === 'error')
          key.again.push({ case: 'rejected', detail: outcome.value });
        else complain(key, 'sent again it has no answer');
      }
    }
  }
}

/** What of the answers does not agree with the stored result, byte for byte. */
function problemsOf({ stored, heard, again, entries }: Key): readonly string[] {
  if (!stored) return heard ? ['it has no result after it was sent again'] : [];
  const outcomes: readonly Outcome[] = [
    ...(heard?.answers ?? []).flatMap(({ result }) =>
      result ? [{ case: 'result', result } as const] : [],
    ),
    ...(heard?.rejections ?? []).map((detail) => ({ case: 'rejected', detail }) as const),
    ...again,
  ];
  const problems = outcomes
    .filter((outcome) => !sameBytes(outcome, stored))
    .map((outcome) => `answered ${text(outcome)}, stored ${text(stored)}`);
  for (const { position, ids } of heard?.answers ?? []) {
    // A receipt names the record that it is for; the result has the place of the first one with the key.
    const [offset, first] = [position?.offset ?? -1n, stored.position?.offset ?? -1n];
    const once = heard?.sends === 1;
    if (once ? offset !== first : offset < first)
      problems.push(`receipt at ${offset}, result at ${first}`);
    if (stored.outcome.case !== 'applied') continue;
    const storedIds = stored.outcome.value.operations.map(({ id }) => id);
    if (ids.some((id, i) => id !== '' && id !== storedIds[i]))
      problems.push(`receipt with the ids ${ids.join()}, result with ${storedIds.join()}`);
  }
  const told = entries.flatMap(({ answer }) =>
    answer.kind === 'verdict' ? [answer.rejected] : [],
  );
  if (told.some((rejected) => rejected !== (stored.outcome.case === 'rejected')))
    problems.push(`the program was told another verdict than ${String(stored.outcome.case)}`);
  return problems;
}

function sameBytes(outcome: Outcome, stored: TransactionResult): boolean {
  if (outcome.case === 'result')
    return bytesOf(TransactionResultSchema, outcome.result).equals(
      bytesOf(TransactionResultSchema, stored),
    );
  return (
    stored.outcome.case === 'rejected' &&
    bytesOf(ErrorDetailSchema, outcome.detail).equals(
      bytesOf(ErrorDetailSchema, stored.outcome.value),
    )
  );
}

const bytesOf = <Desc extends DescMessage>(type: Desc, message: MessageShape<Desc>): Buffer =>
  Buffer.from(toBinary(type, message));

const text = (of: unknown): string =>
  JSON.stringify(of, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

/** The model after all transactions in the order of the log. Each verdict must be the one that the model gives. */
function replay(keys: readonly Key[], complain: Complain): Model {
  const model = createModel();
  const offsetOf = ({ stored }: Key) => Number(stored?.position?.offset ?? 0n);
  const decided = keys.filter(({ stored }) => stored !== undefined);
  for (const key of decided.toSorted((a, b) => offsetOf(a) - offsetOf(b))) {
    const outcome = key.stored?.outcome;
    if (!key.heard || !outcome) continue;
    const ids = outcome.case === 'applied' ? outcome.value.operations.map(({ id }) => id) : [];
    const expected = model.apply(key.heard.request, ids) ?? 'applied';
    const verdict = outcome.case === 'rejected' ? outcome.value.code : outcome.case;
    if (verdict !== expected) complain(key, `its verdict is ${verdict}, and must be ${expected}`);
  }
  return model;
}

/** Everything of a tenant against its model, on one applier. */
async function compare(
  { query, address }: Server,
  tenantId: string,
  model: Model,
  discrepancies: string[],
): Promise<{ readonly missing: number; readonly surplus: number }> {
  const scope = { $typeName: 'entdb.v1.ReadScope', tenantId } as const;
  const complain = (problem: string) => discrepancies.push(`${tenantId} on ${address}: ${problem}`);
  const nodes = [
    ...(await allNodes(query, scope, Counter.id)),
    ...(await allNodes(query, scope, Item.id)),
  ];
  const edges = await allEdges(
    query,
    scope,
    nodes.filter(({ typeId }) => typeId === Counter.id),
  );

  let surplus = 0;
  const seen = new Set<string>();
  for (const { id, typeId, version, fields } of nodes) {
    const expected = model.nodes.get(id);
    if (!expected || seen.has(id)) {
      surplus += 1;
      complain(
        `node ${id} is there ${expected ? 'twice' : 'and nobody wrote it'}: ${text(fields)}`,
      );
    } else if (
      expected.typeId !== typeId ||
      expected.version !== version ||
      textOf(expected.fields) !== textOf(fields)
    ) {
      complain(`node ${id} is ${text({ version, fields })}, and must be ${text(expected)}`);
    }
    seen.add(id);
  }
  const missing = [...model.nodes.keys()].filter((id) => !seen.has(id));
  for (const id of missing) complain(`node ${id} is missing`);

  const names = new Set<string>();
  const surplusEdges = edges.map(edgeName).filter((name) => {
    const known = model.edges.has(name) && !names.has(name);
    names.add(name);
    return !known;
  });
  const missingEdges = [...model.edges.keys()].filter((name) => !names.has(name));
  for (const name of surplusEdges) complain(`edge ${name} is too much`);
  for (const name of missingEdges) complain(`edge ${name} is missing`);

  const { nodeCount, edgeCount } = await query.getTenant({ scope }, { timeoutMs });
  if (Number(nodeCount) !== model.nodes.size || Number(edgeCount) !== model.edges.size)
    complain(
      `it counts ${nodeCount} nodes and ${edgeCount} edges, and must have ${model.nodes.size} and ${model.edges.size}`,
    );
  return { missing: missing.length + missingEdges.length, surplus: surplus + surplusEdges.length };
}

async function allNodes(query: Server['query'], scope: ReadScope, typeId: number) {
  const found: Node[] = [];
  let pageToken = '';
  do {
    const page = await query.queryNodes({ scope, typeId, pageSize, pageToken }, { timeoutMs });
    found.push(...page.nodes);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return found;
}

/** Every edge of the load ends at a counter. */
async function allEdges(query: Server['query'], scope: ReadScope, counters: readonly Node[]) {
  const found: Edge[] = [];
  for (const { id: nodeId } of counters) {
    let pageToken = '';
    do {
      const page = await query.listEdges(
        {
          scope,
          nodeId,
          direction: Direction.IN,
          edgeTypeIds: [CountedBy.id],
          pageSize,
          pageToken,
        },
        { timeoutMs },
      );
      found.push(...page.edges);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }
  return found;
}

async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values(); // one iterator, drawn from by all
  const worker = async () => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
