import { decodeFields, type Fields, type Precondition } from '@entdb/contracts';
import { valuesEqual } from '../values.ts';
import type { NodeTable } from './node-table.ts';
import { Rejection } from './rejection.ts';

/** Compare-and-set, judged against the state before the first operation. */
export function judgePreconditions(nodes: NodeTable, preconditions: readonly Precondition[]): void {
  preconditions.forEach((precondition, i) => judge(nodes, precondition, `preconditions[${i}]`));
}

function judge(nodes: NodeTable, precondition: Precondition, path: string): void {
  const { nodeId, typeId, exists = true, version } = precondition;
  const fail = (part: string, what: string, facts: Readonly<Record<string, string>> = {}) =>
    new Rejection('PRECONDITION_FAILED', `${path}: the node ${JSON.stringify(nodeId)} ${what}`, {
      field: `${path}.${part}`,
      metadata: { node_id: nodeId, ...facts },
    });

  const row = nodes.find(nodeId);
  if (!row) {
    if (exists) throw fail('node_id', 'is not there');
    if (version !== undefined) throw fail('version', 'is not there');
    if (Object.keys(precondition.equals).length > 0) throw fail('equals', 'is not there');
    return;
  }
  if (!exists) throw fail('exists', 'is there', { version: String(row.version) });
  if (row.type !== typeId)
    throw fail('type_id', `is of type ${row.type}`, { type_id: String(row.type) });
  if (version !== undefined && version !== BigInt(row.version))
    throw fail('version', `has version ${row.version}`, { version: String(row.version) });
  const fields = decodeFields(row.fields);
  for (const key in precondition.equals) {
    if (!equals(fields[key], precondition.equals[key]))
      throw fail(`equals[${key}]`, `has another value of field ${key}`, {
        version: String(row.version),
      });
  }
  precondition.absent.forEach((id, position) => {
    if (Object.hasOwn(fields, id))
      throw fail(`absent[${position}]`, `has field ${id}`, { version: String(row.version) });
  });
}

function equals(stored: Fields[number] | undefined, wanted: Fields[number] | undefined): boolean {
  return (
    stored?.kind.case !== undefined &&
    wanted?.kind.case !== undefined &&
    valuesEqual(stored.kind, wanted.kind)
  );
}
