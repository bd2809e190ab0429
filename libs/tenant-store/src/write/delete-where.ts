import { decodeFields, type DeleteWhere } from '@entdb/contracts';
import { matches } from '../filter.ts';
import type { NodeRow } from '../rows.ts';
import { removeNode } from './node-operations.ts';
import { Rejection } from './rejection.ts';
import type { Execute, Scope } from './scope.ts';

/** The most nodes that one delete-where may remove. A constant, not a setting: every replica must come to the same verdict. */
export const deleteWhereMax = 10_000;
const pageRows = 256;

export const deleteWhere: Execute<DeleteWhere> = (scope, operation, path) => {
  const max =
    operation.maxMatches === 0 ? deleteWhereMax : Math.min(operation.maxMatches, deleteWhereMax);
  const rows = matchingRows(scope, operation, max);
  if (rows.length > max) {
    throw new Rejection('TOO_MANY_MATCHES', `more than ${max} nodes match`, {
      field: `${path}.max_matches`,
      metadata: { max_matches: String(max) },
    });
  }
  for (const row of rows) removeNode(scope, row);
  return { changed: rows.length > 0, deletedIds: rows.map((row) => row.id) };
};

/** In ascending order of ids; one more than `max` where there are more. Ends with the type's last node. */
function matchingRows(
  scope: Scope,
  { typeId, filter }: DeleteWhere,
  max: number,
): readonly NodeRow[] {
  const found: NodeRow[] = [];
  let afterId = '';
  for (;;) {
    const page = scope.nodes.page(typeId, afterId, pageRows);
    for (const row of page) {
      if (filter && !matches(filter, decodeFields(row.fields))) continue;
      found.push(row);
      if (found.length > max) return found;
    }
    const last = page.at(-1);
    if (!last) return found;
    afterId = last.id;
  }
}
