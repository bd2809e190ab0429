import { assertNever, EntError } from '@entdb/base';
import {
  checkClear,
  checkFields,
  checkFilter,
  checkNodeId,
  checkRequired,
  edgeTypeOf,
  nodeTypeOf,
  OnConflict,
  type CompiledSchema,
  type CreateEdge,
  type CreateNode,
  type DeleteEdge,
  type DeleteWhere,
  type Delivery,
  type MarkRead,
  type Operation,
  type UpdateNode,
} from '@entdb/contracts';
import { checkEndpoint, checkRefs, checkSameType, type CreatedTypes } from './created-types.ts';
import { checkName, checkText } from './text.ts';

/** How many mailboxes one operation may reach, and how many items it may mark. */
const usersMax = 10_000;

/**
 * Judges operations whose aliases are resolved, by all that can be known without the tenant's state: ids, texts and values, and against the
 * schema where one is named. Throws an EntError with the path.
 */
export function checkOperations(
  operations: readonly Operation[],
  schema: CompiledSchema | undefined,
): void {
  const created: CreatedTypes = new Map();
  operations.forEach(({ op }, i) => {
    const at = `operations[${i}]`;
    switch (op.case) {
      case 'createNode':
        return checkCreateNode(op.value, schema, created, `${at}.create_node`);
      case 'updateNode':
        return checkUpdateNode(op.value, schema, created, `${at}.update_node`);
      case 'deleteNode':
        checkTypeId(op.value.typeId, schema, 'node', `${at}.delete_node`);
        checkNodeId(op.value.id, `${at}.delete_node.id`);
        checkSameType(op.value, created, `${at}.delete_node`);
        created.delete(op.value.id);
        return;
      case 'createEdge':
        return checkCreateEdge(op.value, schema, created, `${at}.create_edge`);
      case 'deleteEdge':
        checkTypeId(op.value.typeId, schema, 'edge', `${at}.delete_edge`);
        return checkEnds(op.value, `${at}.delete_edge`);
      case 'deleteWhere':
        return checkDeleteWhere(op.value, schema, `${at}.delete_where`);
      case 'markRead':
        return checkMarkRead(op.value, `${at}.mark_read`);
      case undefined:
        throw invalid(at, 'it does not say what to do');
      default:
        return assertNever(op);
    }
  });
}

/** Throws UNKNOWN_TYPE. Ids of types begin at 1, with a schema or without. */
export function checkTypeId(
  typeId: number,
  schema: CompiledSchema | undefined,
  kind: 'node' | 'edge',
  path: string,
): void {
  if (typeId < 1) {
    throw new EntError('UNKNOWN_TYPE', `${path}: it names no type; type ids begin at 1`, {
      field: `${path}.type_id`,
    });
  }
  if (!schema) return;
  if (kind === 'node') nodeTypeOf(schema, typeId, path);
  else edgeTypeOf(schema, typeId, path);
}

function checkCreateNode(
  create: CreateNode,
  schema: CompiledSchema | undefined,
  created: CreatedTypes,
  path: string,
): void {
  checkTypeId(create.typeId, schema, 'node', path);
  checkNodeId(create.id, `${path}.id`);
  checkOnConflict(create.onConflict, path);
  const type = schema && nodeTypeOf(schema, create.typeId, path);
  checkFields(create.fields, type, `${path}.fields`);
  if (type) {
    checkRequired(create.fields, type, `${path}.fields`);
    checkRefs(create.fields, type, created, `${path}.fields`);
  }
  checkDelivery(create.delivery, path);
  // With SKIP the id may turn out to be another node, of whatever type: the applier judges it.
  if (create.onConflict === OnConflict.UNSPECIFIED) created.set(create.id, create.typeId);
}

function checkUpdateNode(
  update: UpdateNode,
  schema: CompiledSchema | undefined,
  created: CreatedTypes,
  path: string,
): void {
  checkTypeId(update.typeId, schema, 'node', path);
  checkNodeId(update.id, `${path}.id`);
  checkSameType(update, created, path);
  const type = schema && nodeTypeOf(schema, update.typeId, path);
  checkFields(update.set, type, `${path}.set`);
  update.clear.forEach((id, i) => {
    const at = `${path}.clear[${i}]`;
    if (id < 1) throw new EntError('UNKNOWN_FIELD', `${at}: field ids begin at 1`, { field: at });
    if (Object.hasOwn(update.set, id))
      throw invalid(at, `field ${id} is set by the same operation`);
  });
  if (type) {
    checkClear(update.clear, type, `${path}.clear`);
    checkRefs(update.set, type, created, `${path}.set`);
  }
  checkDelivery(update.delivery, path);
}

function checkCreateEdge(
  create: CreateEdge,
  schema: CompiledSchema | undefined,
  created: CreatedTypes,
  path: string,
): void {
  checkTypeId(create.typeId, schema, 'edge', path);
  checkEnds(create, path);
  checkOnConflict(create.onConflict, path);
  const type = schema && edgeTypeOf(schema, create.typeId, path);
  checkFields(create.fields, type, `${path}.fields`);
  if (!type) return;
  checkRequired(create.fields, type, `${path}.fields`);
  checkRefs(create.fields, type, created, `${path}.fields`);
  checkEndpoint(create.fromId, type.fromTypes, type.name, created, `${path}.from_id`);
  checkEndpoint(create.toId, type.toTypes, type.name, created, `${path}.to_id`);
}

function checkEnds(edge: CreateEdge | DeleteEdge, path: string): void {
  checkNodeId(edge.fromId, `${path}.from_id`);
  checkNodeId(edge.toId, `${path}.to_id`);
  checkName(edge.key, `${path}.key`);
}

function checkDeleteWhere(
  deletion: DeleteWhere,
  schema: CompiledSchema | undefined,
  path: string,
): void {
  checkTypeId(deletion.typeId, schema, 'node', path);
  if (!deletion.filter) return;
  const type = schema && nodeTypeOf(schema, deletion.typeId, path);
  checkFilter(deletion.filter, type, `${path}.filter`);
}

function checkMarkRead(mark: MarkRead, path: string): void {
  checkUser(mark.userId, `${path}.user_id`);
  checkCount(mark.nodeIds.length, `${path}.node_ids`);
  mark.nodeIds.forEach((id, i) => checkNodeId(id, `${path}.node_ids[${i}]`));
}

/** Delivery that reaches nobody is a mistake of the caller, and nothing that the applier should have to judge. */
function checkDelivery(delivery: Delivery | undefined, owner: string): void {
  if (!delivery) return;
  const path = `${owner}.delivery`;
  if (delivery.userIds.length === 0) {
    throw invalid(
      `${path}.user_ids`,
      'it names no user',
      'leave the delivery out to deliver to nobody',
    );
  }
  checkCount(delivery.userIds.length, `${path}.user_ids`);
  delivery.userIds.forEach((user, i) => checkUser(user, `${path}.user_ids[${i}]`));
  checkName(delivery.threadId, `${path}.thread_id`);
  checkText(delivery.snippet, `${path}.snippet`);
  checkText(delivery.text, `${path}.text`);
}

function checkUser(userId: string, path: string): void {
  if (userId === '') throw invalid(path, 'it names no user');
  checkName(userId, path);
}

function checkCount(count: number, path: string): void {
  if (count > usersMax) throw invalid(path, `it has ${count} entries; it may have ${usersMax}`);
}

function checkOnConflict(onConflict: OnConflict, path: string): void {
  if (onConflict === OnConflict.UNSPECIFIED || onConflict === OnConflict.SKIP) return;
  throw invalid(`${path}.on_conflict`, `there is no on_conflict of number ${String(onConflict)}`);
}

function invalid(path: string, problem: string, hint?: string): EntError {
  return new EntError('INVALID_OPERATION', `${path}: ${problem}`, {
    field: path,
    ...(hint !== undefined && { hint }),
  });
}
