import { encodeFields, OnConflict, type CreateEdge, type DeleteEdge } from '@entdb/contracts';
import type { EdgeName } from './edge-table.ts';
import { judgeFields, judgeRequired } from './judge-fields.ts';
import { judgeEndpoint, judgeReferences } from './references.ts';
import { Rejection } from './rejection.ts';
import type { Execute, Scope } from './scope.ts';

export const createEdge: Execute<CreateEdge> = (scope, operation, path) => {
  const name = nameOf(scope, operation);
  const type = scope.schema.edgeTypes.get(name.typeId);
  judgeFields(operation.fields, type, `${path}.fields`);
  judgeEndpoint(scope.nodes, name.fromId, type?.fromTypes, `${path}.from_id`);
  judgeEndpoint(scope.nodes, name.toId, type?.toTypes, `${path}.to_id`);
  if (scope.edges.find(name)) {
    if (operation.onConflict === OnConflict.SKIP) return { changed: false };
    throw new Rejection(
      'ALREADY_EXISTS',
      `there is an edge of type ${name.typeId} from ${JSON.stringify(name.fromId)} to ${JSON.stringify(name.toId)} already`,
      {
        field: path,
        metadata: {
          from_id: name.fromId,
          to_id: name.toId,
          type_id: String(name.typeId),
          key: name.key,
        },
      },
    );
  }
  const fields = scope.substitutes.fields(operation.fields);
  judgeRequired(fields, type, `${path}.fields`);
  judgeReferences(scope.nodes, fields, type, `${path}.fields`);
  scope.edges.insert({
    from_id: name.fromId,
    type: name.typeId,
    to_id: name.toId,
    key: name.key,
    created_at: scope.timeUs,
    fields: encodeFields(fields),
  });
  return { changed: true };
};

export const deleteEdge: Execute<DeleteEdge> = (scope, operation) => {
  const row = scope.edges.find(nameOf(scope, operation));
  if (row) scope.edges.remove(row);
  return { changed: row !== undefined };
};

function nameOf(scope: Scope, { typeId, fromId, toId, key }: EdgeName): EdgeName {
  return { typeId, fromId: scope.substitutes.id(fromId), toId: scope.substitutes.id(toId), key };
}
