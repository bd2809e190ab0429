import * as fc from 'fast-check';
import { decodeFields, OnConflict, type Fields, type Operation } from '@entdb/contracts';
import { recordAt, type RecordParts } from './testing/log.ts';
import { transactions } from './testing/histories.ts';
import { createTenantDir } from './testing/tenant-dir.ts';

/** Random transactions against a model of plain maps, which is copied for each transaction and thrown away when it is rejected. */
interface ModelNode {
  readonly version: number;
  readonly fields: Fields;
}

interface Model {
  readonly nodes: Map<string, ModelNode>;
  readonly edges: Set<string>;
  /** user and node -> read */
  readonly items: Map<string, boolean>;
}

class Rejected extends Error {}

type Result = {
  readonly id?: string;
  readonly changed: boolean;
  readonly deleted_ids?: readonly string[];
};
type Delivered = { readonly userIds: readonly string[] } | undefined;

const text = (value: unknown) =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
const edge = (from: string, to: string) => `${from} ${to}`;

function holder(model: Model, fields: Fields, except?: string): string | undefined {
  for (const combination of [[1], [2, 4]]) {
    if (!combination.every((id) => fields[id])) continue;
    for (const [id, node] of model.nodes) {
      if (
        id !== except &&
        combination.every((part) => text(node.fields[part]) === text(fields[part]))
      )
        return id;
    }
  }
  return undefined;
}

function remove(model: Model, id: string): void {
  model.nodes.delete(id);
  for (const name of model.edges) if (name.split(' ').includes(id)) model.edges.delete(name);
  for (const key of model.items.keys()) if (key.endsWith(` ${id}`)) model.items.delete(key);
}

function run(model: Model, operations: readonly Operation[]): readonly Result[] {
  const meant = new Map<string, string>();
  const idOf = (id: string) => meant.get(id) ?? id;
  const deliver = (delivered: Delivered, id: string) =>
    delivered?.userIds.forEach((user) => model.items.set(`${user} ${id}`, false));
  const resolved = (fields: Fields): Fields =>
    Object.fromEntries(
      Object.entries(fields).map(([id, value]) => [
        id,
        value.kind.case === 'ref'
          ? { ...value, kind: { case: 'ref' as const, value: idOf(value.kind.value) } }
          : value,
      ]),
    );
  const assertRefs = (fields: Fields, self?: string) => {
    for (const { kind } of Object.values(fields))
      if (kind.case === 'ref' && kind.value !== self && !model.nodes.has(kind.value))
        throw new Rejected('REFERENCE_NOT_FOUND');
  };

  return operations.map(({ op }): Result => {
    switch (op.case) {
      case 'createNode': {
        const { id, onConflict, delivery } = op.value;
        const fields = resolved(op.value.fields);
        const existing = model.nodes.has(id) ? id : holder(model, fields);
        if (existing !== undefined) {
          if (onConflict !== OnConflict.SKIP)
            throw new Rejected(existing === id ? 'ALREADY_EXISTS' : 'UNIQUE_VIOLATION');
          if (existing !== id) meant.set(id, existing);
          return { id: existing, changed: false };
        }
        assertRefs(fields, id);
        model.nodes.set(id, { version: 1, fields });
        deliver(delivery, id);
        return { id, changed: true };
      }
      case 'updateNode': {
        const id = idOf(op.value.id);
        const node = model.nodes.get(id);
        if (!node) throw new Rejected('NOT_FOUND');
        const set = resolved(op.value.set);
        assertRefs(set);
        const fields = { ...node.fields, ...set };
        for (const gone of op.value.clear) delete fields[gone];
        const changed = text(fields) !== text(node.fields);
        if (changed && holder(model, fields, id) !== undefined)
          throw new Rejected('UNIQUE_VIOLATION');
        if (changed) model.nodes.set(id, { version: node.version + 1, fields });
        deliver(op.value.delivery, id);
        return { id, changed };
      }
      case 'deleteNode': {
        const id = idOf(op.value.id);
        const changed = model.nodes.has(id);
        remove(model, id);
        return { id, changed };
      }
      case 'createEdge': {
        const [from, to] = [idOf(op.value.fromId), idOf(op.value.toId)];
        if (!model.nodes.has(from) || !model.nodes.has(to))
          throw new Rejected('REFERENCE_NOT_FOUND');
        const exists = model.edges.has(edge(from, to));
        if (exists && op.value.onConflict !== OnConflict.SKIP) throw new Rejected('ALREADY_EXISTS');
        model.edges.add(edge(from, to));
        return { changed: !exists };
      }
      case 'deleteEdge':
        return { changed: model.edges.delete(edge(idOf(op.value.fromId), idOf(op.value.toId))) };
      case 'deleteWhere': {
        const expression = op.value.filter!.expression;
        if (expression.case !== 'compare') throw new Error('the histories compare only');
        const { fieldId, values } = expression.value;
        const ids = [...model.nodes]
          .filter(([, node]) => text(node.fields[fieldId]) === text(values[0]))
          .map(([id]) => id)
          .sort();
        if (op.value.maxMatches > 0 && ids.length > op.value.maxMatches)
          throw new Rejected('TOO_MANY_MATCHES');
        for (const id of ids) remove(model, id);
        return { changed: ids.length > 0, deleted_ids: ids };
      }
      case 'markRead': {
        const { userId, unread } = op.value;
        const ids = op.value.nodeIds.map(idOf);
        for (const key of model.items.keys()) {
          const [user, node] = key.split(' ') as [string, string];
          if (user === userId && (ids.length === 0 || ids.includes(node)))
            model.items.set(key, !unread);
        }
        return { changed: true };
      }
      case undefined:
        throw new Error('the histories have known operations only');
    }
  });
}

function judge(
  model: Model,
  parts: RecordParts,
): { readonly model: Model; readonly result: unknown } {
  const copy = {
    nodes: new Map(model.nodes),
    edges: new Set(model.edges),
    items: new Map(model.items),
  };
  try {
    for (const { nodeId, version } of parts.preconditions ?? []) {
      if (model.nodes.get(nodeId)?.version !== Number(version))
        throw new Rejected('PRECONDITION_FAILED');
    }
    return { result: run(copy, parts.operations ?? []), model: copy };
  } catch (error) {
    if (error instanceof Rejected) return { result: error.message, model };
    throw error;
  }
}

test('verdicts, rows, edges and mailbox are those of the model', () => {
  const tenant = createTenantDir();
  try {
    fc.assert(
      fc.property(transactions, (history) => {
        const writer = tenant.open();
        const start = writer.position.offset + 1;
        const log = [
          { body: start === 0 ? ('tenantCreated' as const) : ('tenantDeleted' as const) },
          { body: 'tenantCreated' as const },
          ...history,
        ].map((parts, i) => recordAt(start + i, parts));
        let model: Model = { nodes: new Map(), edges: new Set(), items: new Map() };
        const wanted = history.map((parts) => {
          const judged = judge(model, parts);
          model = judged.model;
          return judged.result;
        });
        const { outcomes, poison } = writer.apply(log);
        if (poison) throw poison.error;
        writer.scrub();
        writer.close();
        const got = outcomes.slice(2).map((outcome) => {
          const { applied, rejected } = JSON.parse(
            outcome.kind === 'refused' ? '{}' : outcome.resultJson,
          ) as { applied?: { operations: unknown }; rejected?: { code: string } };
          return applied?.operations ?? rejected?.code;
        });
        expect(got).toEqual(wanted);
        const nodes = tenant.sql<{ id: string; version: number; fields: Buffer }>(
          'canonical',
          'SELECT id, version, fields FROM nodes',
        );
        expect(
          new Map(
            nodes.map(({ id, version, fields }) => [id, { version, fields: decodeFields(fields) }]),
          ),
        ).toEqual(model.nodes);
        const edges = tenant.sql<{ from_id: string; to_id: string }>(
          'canonical',
          'SELECT from_id, to_id FROM edges',
        );
        expect(new Set(edges.map(({ from_id, to_id }) => edge(from_id, to_id)))).toEqual(
          model.edges,
        );
        const items = tenant.sql<{ user_id: string; node_id: string; read: number }>(
          'mailbox',
          'SELECT user_id, node_id, read FROM items',
        );
        expect(
          new Map(items.map(({ user_id, node_id, read }) => [`${user_id} ${node_id}`, read === 1])),
        ).toEqual(model.items);
      }),
      { numRuns: Number(process.env['ENTDB_PROPERTY_RUNS'] ?? 200) },
    );
  } finally {
    tenant.remove();
  }
});
