import { toBinary } from '@bufbuild/protobuf';
import {
  CreateEdgeSchema,
  CreateNodeSchema,
  DeliverySchema,
  OperationSchema,
  PreconditionSchema,
  TransactionSchema,
  UpdateNodeSchema,
  type CreateEdge,
  type CreateNode,
  type OnConflict,
  type Operation,
  type Transaction,
  type UpdateNode,
} from './gen/entdb/v1/transaction_pb.ts';
import {
  ListValueSchema,
  ValueSchema,
  type ListValue,
  type Value,
} from './gen/entdb/v1/value_pb.ts';
import type { Fields } from './value.ts';
import {
  doubleTag,
  lengthTag,
  varintTag,
  writeMessage,
  writeTextField,
  writeUint32Field,
  writeWhole,
} from './wire-fields.ts';
import {
  fork,
  join,
  writeBool,
  writeBytes,
  writeDouble,
  writeInt64,
  writeRaw,
  writeText,
  writeUint32,
} from './wire-writer.ts';

const { field: ofTransaction } = TransactionSchema;
const { field: ofOperation } = OperationSchema;
const { field: ofNode } = CreateNodeSchema;
const { field: ofUpdate } = UpdateNodeSchema;
const { field: ofEdge } = CreateEdgeSchema;
const { field: ofValue } = ValueSchema;

/** Taken from the contract once: in the tables stands what the loops need. */
const transactionTags = {
  operations: lengthTag(ofTransaction.operations),
  preconditions: lengthTag(ofTransaction.preconditions),
};
const operationTags = {
  createNode: lengthTag(ofOperation.createNode),
  updateNode: lengthTag(ofOperation.updateNode),
  createEdge: lengthTag(ofOperation.createEdge),
};
const nodeTags = {
  alias: lengthTag(ofNode.alias),
  typeId: varintTag(ofNode.typeId),
  id: lengthTag(ofNode.id),
  fields: lengthTag(ofNode.fields),
  onConflict: varintTag(ofNode.onConflict),
  delivery: lengthTag(ofNode.delivery),
};
const updateTags = {
  typeId: varintTag(ofUpdate.typeId),
  id: lengthTag(ofUpdate.id),
  set: lengthTag(ofUpdate.set),
  clear: lengthTag(ofUpdate.clear),
  delivery: lengthTag(ofUpdate.delivery),
};
const edgeTags = {
  typeId: varintTag(ofEdge.typeId),
  fromId: lengthTag(ofEdge.fromId),
  toId: lengthTag(ofEdge.toId),
  key: lengthTag(ofEdge.key),
  fields: lengthTag(ofEdge.fields),
  onConflict: varintTag(ofEdge.onConflict),
};
const valueTags = {
  str: lengthTag(ofValue.str),
  int: varintTag(ofValue.int),
  float: doubleTag(ofValue.float),
  bool: varintTag(ofValue.bool),
  timestampUs: varintTag(ofValue.timestampUs),
  json: lengthTag(ofValue.json),
  bytes: lengthTag(ofValue.bytes),
  enum: lengthTag(ofValue.enum),
  ref: lengthTag(ofValue.ref),
  list: lengthTag(ofValue.list),
};
const listValuesTag = lengthTag(ListValueSchema.field.values);
/** Of a map's entries, as the wire format has them. */
const entryTags = { key: 0x08, value: 0x12 };

/**
 * Writes a transaction as `toBinary` does, byte for byte, at a fraction of its cost: encoding was the dearest thing that the gateway did. By hand are
 * the operations that make and change nodes and edges; `toBinary` writes whatever else there is, and every message with fields that
 * this program does not know. The spec compares the two, and names the fields that are known here.
 */
export function writeTransaction(transaction: Transaction): void {
  if (transaction.$unknown !== undefined) return writeRaw(toBinary(TransactionSchema, transaction));
  for (const operation of transaction.operations)
    writeMessage(transactionTags.operations, OperationSchema, operation, writeOperation);
  for (const precondition of transaction.preconditions)
    writeWhole(transactionTags.preconditions, PreconditionSchema, precondition);
}

function writeOperation(operation: Operation): void {
  const { op } = operation;
  switch (op.case) {
    case 'createNode':
      return writeMessage(operationTags.createNode, CreateNodeSchema, op.value, writeCreateNode);
    case 'updateNode':
      return writeMessage(operationTags.updateNode, UpdateNodeSchema, op.value, writeUpdateNode);
    case 'createEdge':
      return writeMessage(operationTags.createEdge, CreateEdgeSchema, op.value, writeCreateEdge);
    default:
      writeRaw(toBinary(OperationSchema, operation));
  }
}

function writeCreateNode(node: CreateNode): void {
  writeTextField(nodeTags.alias, node.alias);
  writeUint32Field(nodeTags.typeId, node.typeId);
  writeTextField(nodeTags.id, node.id);
  writeFields(nodeTags.fields, node.fields);
  writeOnConflict(nodeTags.onConflict, node.onConflict);
  if (node.delivery) writeWhole(nodeTags.delivery, DeliverySchema, node.delivery);
}

function writeUpdateNode(update: UpdateNode): void {
  writeUint32Field(updateTags.typeId, update.typeId);
  writeTextField(updateTags.id, update.id);
  writeFields(updateTags.set, update.set);
  if (update.clear.length > 0) {
    writeUint32(updateTags.clear);
    const start = fork();
    for (const id of update.clear) writeUint32(id);
    join(start);
  }
  if (update.delivery) writeWhole(updateTags.delivery, DeliverySchema, update.delivery);
}

function writeCreateEdge(edge: CreateEdge): void {
  writeUint32Field(edgeTags.typeId, edge.typeId);
  writeTextField(edgeTags.fromId, edge.fromId);
  writeTextField(edgeTags.toId, edge.toId);
  writeTextField(edgeTags.key, edge.key);
  writeFields(edgeTags.fields, edge.fields);
  writeOnConflict(edgeTags.onConflict, edge.onConflict);
}

function writeOnConflict(tag: number, onConflict: OnConflict): void {
  if (onConflict === 0) return;
  writeUint32(tag);
  writeInt64(BigInt(onConflict)); // a number that has no name may be negative
}

function writeFields(tag: number, fields: Fields): void {
  for (const id in fields) {
    writeUint32(tag);
    const start = fork();
    writeUint32(entryTags.key);
    writeUint32(Number(id));
    writeMessage(entryTags.value, ValueSchema, fields[id]!, writeValue);
    join(start);
  }
}

function writeValue({ kind }: Value): void {
  if (kind.case === undefined) return;
  writeUint32(valueTags[kind.case]);
  switch (kind.case) {
    case 'str':
    case 'json':
    case 'enum':
    case 'ref':
      return writeText(kind.value);
    case 'int':
    case 'timestampUs':
      return writeInt64(kind.value);
    case 'float':
      return writeDouble(kind.value);
    case 'bool':
      return writeBool(kind.value);
    case 'bytes':
      return writeBytes(kind.value);
    case 'list':
      return writeList(kind.value);
  }
}

/** Length and list; the tag is written. */
function writeList(list: ListValue): void {
  if (list.$unknown !== undefined) return writeBytes(toBinary(ListValueSchema, list));
  const start = fork();
  for (const value of list.values) writeMessage(listValuesTag, ValueSchema, value, writeValue);
  join(start);
}
