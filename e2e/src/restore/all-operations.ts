import {
  Kind,
  OnConflict,
  Operator,
  requestHash,
  restoreRequestHash,
  schemaFingerprint,
  val,
  type Delivery,
  type Operation,
  type Schema,
  type WalRecord,
} from '@entdb/contracts';
import type { Seeded } from '../parts/seeded.ts';
import { advance, emptyModel, type Expected, type Model } from './model.ts';

/** One record of the tenant, with what must come of it. */
export interface Step {
  /** Of a restore in place only the sequence is set: digests and objects are known when the history up to it has been applied. */
  readonly record: WalRecord;
  readonly timeMs: number;
  /** Records of other tenants that stand before it in the partition. */
  readonly foreign: number;
  readonly expected: Expected;
  /** The tenant after it. */
  readonly model: Model;
}

export const tenantId = 'every-offset';
const baseTimeMs = 1_790_000_000_000;
const users = ['u1', 'u2', 'u3'] as const;

/**
 * A history in which everything occurs that a log can bring: all operations, mail, schemas that grow and one that breaks, transactions that are rejected as
 * a whole, keys that come again with the same and with another request, a tenant that is deleted and made anew, restores in place. Many stamps are equal, and some
 * step back.
 */
export function makeAllOperations(
  count: number,
  random: Seeded,
  { inPlace = true }: { readonly inPlace?: boolean } = {},
): readonly Step[] {
  const steps: Step[] = [];
  let model = emptyModel;
  let timeMs = baseTimeMs;
  const at = (parts: readonly number[]) => new Set(parts.map((part) => Math.floor(count * part)));
  const deletions = at([0.4, 0.75]);
  const restores = at(inPlace ? [0.3, 0.42, 0.6, 0.85, 0.985] : []);
  const sent = new Set<number>();
  const versionAt = (n: number) => Math.floor((n * schemas.length) / count);
  let silence = 0;
  let deletedAt = 0;
  for (let n = 0; n < count; n += 1) {
    const body = bodyAt(n);
    const kind = random.between(0, 10);
    timeMs += kind < 5 ? 0 : kind < 9 ? random.between(1, 40_000) : -random.between(1, 3_000);
    const next = advance(model, body, { ...refusals, models: steps.map((step) => step.model) });
    model = next.model;
    const foreign = random.between(0, 3) === 0 ? random.between(1, 6) : 0;
    // Whatever a record's verdict is, its definitions are remembered.
    const isJudged = next.expected === 'applied' || next.expected === 'rejected';
    if (isJudged && body.schema !== undefined && body.schema !== breaking) sent.add(versionAt(n));
    steps.push({ record: body, timeMs, foreign, expected: next.expected, model });
  }
  return steps;

  function bodyAt(n: number): WalRecord {
    const key = `key-${n}`;
    if (deletions.has(n)) {
      silence = random.between(1, 4);
      deletedAt = n;
      return tenantRecord(key, { $typeName: 'entdb.v1.TenantDeleted', erase: false });
    }
    if (restores.has(n)) return restoreRecord(key, random.between(1, n + 1));
    if (model.state === 'deleted') {
      if (silence === 0) return tenantRecord(key, { $typeName: 'entdb.v1.TenantCreated' });
      silence -= 1;
    }
    // Neither a definition that a restore took back nor one that it brought back is the model's business.
    const since = steps.slice(deletedAt).filter(({ record }) => record.body.case === 'transaction');
    if (since.length > 5 && random.between(0, 15) === 0) return random.pick(since).record;
    // Of the early ones as well: a key from before a deletion counts as new.
    if (n > 5 && random.between(0, 40) === 0)
      return { ...transaction(key, n), idempotencyKey: random.pick(steps).record.idempotencyKey };
    // With nodes there is a catalog that can be broken.
    if (model.nodes.size > 0 && random.between(0, 60) === 0) {
      const wrong = random.between(0, 2) === 0 ? breaking : unknown;
      const { schema: _, ...record } = transaction(key, n);
      const definition = wrong === breaking ? { schema: breaking } : {};
      return { ...record, schemaFingerprint: schemaFingerprint(wrong), ...definition };
    }
    return transaction(key, n);
  }

  function transaction(key: string, n: number): WalRecord {
    const version = versionAt(n);
    const schema = schemas[version]!;
    const operations = Array.from({ length: random.between(1, 4) }, (_, i) =>
      operationAt(model, `${n}-${i}`, version, random),
    );
    return recordOf(key, operations, schema, !sent.has(version));
  }
}

function recordOf(
  key: string,
  operations: Operation[],
  schema: Schema,
  withSchema: boolean,
): WalRecord {
  const value = { $typeName: 'entdb.v1.Transaction' as const, operations, preconditions: [] };
  return {
    ...head(key),
    requestHash: requestHash(value),
    schemaFingerprint: schemaFingerprint(schema),
    ...(withSchema && { schema }),
    body: { case: 'transaction', value },
  };
}

function tenantRecord(
  key: string,
  value:
    | { readonly $typeName: 'entdb.v1.TenantDeleted'; readonly erase: false }
    | { readonly $typeName: 'entdb.v1.TenantCreated' },
): WalRecord {
  const body =
    value.$typeName === 'entdb.v1.TenantDeleted'
      ? ({ case: 'tenantDeleted', value } as const)
      : ({ case: 'tenantCreated', value } as const);
  return { ...head(key), requestHash: new Uint8Array(32).fill(body.case.length), body };
}

function restoreRecord(key: string, sequence: number): WalRecord {
  const value = {
    $typeName: 'entdb.v1.TenantRestored' as const,
    sequence: BigInt(sequence),
    canonicalDigest: '',
    mailboxDigest: '',
    objectPrefix: '',
    manifestSha256: '',
    expectedEpoch: 0n,
  };
  const requestHash = restoreRequestHash(tenantId, { sequence, offset: 0 });
  return { ...head(key), requestHash, body: { case: 'tenantRestored', value } };
}

const head = (idempotencyKey: string) => ({
  $typeName: 'entdb.v1.WalRecord' as const,
  tenantId,
  idempotencyKey,
  actor: 'test',
  schemaFingerprint: '',
  autoCreate: true,
});

function operationAt(model: Model, id: string, version: number, random: Seeded): Operation {
  const there = [...model.nodes.keys()];
  const some = (): string => (there.length === 0 ? 'nobody' : random.pick(there));
  const crowded = there.length > 60;
  const size = BigInt(random.between(0, 1000)) + 9_007_199_254_740_992n;
  const delivery: { delivery?: Delivery } =
    random.between(0, 3) === 0
      ? {
          delivery: {
            $typeName: 'entdb.v1.Delivery',
            userIds: [random.pick(users), random.pick(users)],
            threadId: `t${random.between(0, 3)}`,
            snippet: `snippet ${id}`,
            text: size % 2n === 0n ? 'even' : 'odd',
          },
        }
      : {};
  const kind = random.between(crowded ? 30 : 0, 100);
  if (kind < 45) {
    const typeId = version > 0 && random.between(0, 4) === 0 ? 2 : 1;
    const isTaken = random.between(0, 25) === 0;
    const name = isTaken ? (model.nodes.get(some())?.name ?? `name ${id}`) : `name ${id}`;
    return op({
      case: 'createNode',
      value: {
        $typeName: 'entdb.v1.CreateNode',
        alias: '',
        typeId,
        id: isTaken || random.between(0, 25) > 0 ? `n-${id}` : some(),
        fields: {
          1: val.str(name),
          2: val.int(size),
          3: val.str(size % 2n === 0n ? 'even' : 'odd'),
          ...(version > 0 && typeId === 1 && { 4: val.bytes(random.bytes(5)) }),
        },
        // Not for a name that is taken: later operations would then mean the other node.
        onConflict: !isTaken && random.between(0, 3) === 0 ? OnConflict.SKIP : 0,
        ...delivery,
      },
    });
  }
  if (kind < 62) {
    const id = random.between(0, 30) === 0 ? 'nobody' : some();
    return op({
      case: 'updateNode',
      value: {
        $typeName: 'entdb.v1.UpdateNode',
        typeId: model.nodes.get(id)?.type ?? 1,
        id,
        set: {
          2: val.int(size),
          ...(random.between(0, 2) === 0 && { 3: val.str(size % 2n === 0n ? 'even' : 'odd') }),
        },
        clear: [],
        ...delivery,
      },
    });
  }
  if (kind < 74) {
    const id = some();
    return op({
      case: 'deleteNode',
      value: { $typeName: 'entdb.v1.DeleteNode', typeId: model.nodes.get(id)?.type ?? 1, id },
    });
  }
  const ends = { typeId: 1, fromId: some(), toId: some(), key: random.pick(['', 'k']) };
  if (kind < 86)
    return op({
      case: 'createEdge',
      value: {
        $typeName: 'entdb.v1.CreateEdge',
        ...ends,
        fields: {},
        onConflict: random.between(0, 4) > 0 ? OnConflict.SKIP : 0,
      },
    });
  if (kind < 90) {
    const [fromId, , toId, key] = (
      model.edges.size > 0 ? random.pick([...model.edges]) : 'a 1 b '
    ).split(' ');
    return op({
      case: 'deleteEdge',
      value: {
        $typeName: 'entdb.v1.DeleteEdge',
        typeId: 1,
        fromId: fromId!,
        toId: toId!,
        key: key!,
      },
    });
  }
  if (kind < 94)
    return op({
      case: 'deleteWhere',
      value: {
        $typeName: 'entdb.v1.DeleteWhere',
        typeId: 1,
        filter: below(9_007_199_254_740_992n + BigInt(random.between(0, 150))),
        maxMatches: random.between(1, 8),
      },
    });
  return op({
    case: 'markRead',
    value: {
      $typeName: 'entdb.v1.MarkRead',
      userId: random.pick(users),
      nodeIds: random.between(0, 3) === 0 ? [] : [some()],
      unread: random.between(0, 3) === 0,
    },
  });
}

const op = (value: Operation['op']): Operation => ({ $typeName: 'entdb.v1.Operation', op: value });

const below = (size: bigint) => ({
  $typeName: 'entdb.v1.Filter' as const,
  expression: {
    case: 'compare' as const,
    value: {
      $typeName: 'entdb.v1.Comparison' as const,
      fieldId: 2,
      operator: Operator.LT,
      values: [val.int(size)],
    },
  },
});

type Flags = Partial<Record<'unique' | 'indexed' | 'searchable', boolean>>;

const nodeType = (
  id: number,
  name: string,
  fields: readonly (readonly [string, Kind, Flags])[],
) => ({
  $typeName: 'entdb.v1.NodeType' as const,
  id,
  name,
  fields: fields.map(([field, kind, flags], i) => ({
    $typeName: 'entdb.v1.FieldDefinition' as const,
    id: i + 1,
    name: field,
    kind,
    list: false,
    required: false,
    unique: false,
    indexed: false,
    searchable: false,
    enumValues: [],
    refTypeId: 0,
    ...flags,
  })),
  unique: [],
});

const schemaOf = (nodeTypes: Schema['nodeTypes']): Schema => ({
  $typeName: 'entdb.v1.Schema',
  nodeTypes,
  edgeTypes: [],
});

const item = [
  ['name', Kind.STR, { unique: true }],
  ['size', Kind.INT, {}],
  ['text', Kind.STR, { searchable: true }],
] as const;
const note = nodeType(2, 'Note', [
  ['name', Kind.STR, {}],
  ['size', Kind.INT, { indexed: true }],
  ['text', Kind.STR, {}],
]);
const tagged = [...item, ['tag', Kind.BYTES, {}]] as const;

/** Each adds to the one before; the last makes an index over what is there already. */
const schemas: readonly Schema[] = [
  schemaOf([nodeType(1, 'Item', item)]),
  schemaOf([nodeType(1, 'Item', tagged), note]),
  schemaOf([
    nodeType(1, 'Item', [tagged[0], ['size', Kind.INT, { indexed: true }], ...tagged.slice(2)]),
    note,
  ]),
];
const breaking = schemaOf([nodeType(1, 'Item', [['name', Kind.INT, {}]])]);
const unknown = schemaOf([nodeType(9, 'Unheard', [['name', Kind.STR, {}]])]);
const refusals = {
  breaking: schemaFingerprint(breaking),
  unknown: schemaFingerprint(unknown),
};
