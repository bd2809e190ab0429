/** @entdb/client: the TypeScript client of EntDB. */
import { createClientOn, type Client, type ClientOptions } from './client.ts';
import type { Connect } from './fleet/connection.ts';
import type { EdgeType, NodeType } from './schema/types.ts';
import { connectNode } from './transport-node.ts';

/** A client over HTTP/2, or over the transport given. */
export function createClient<Node extends NodeType, Edge extends EdgeType>(
  options: ClientOptions<Node, Edge> & { readonly transport?: Connect },
): Client<Node, Edge> {
  return createClientOn(options.transport ?? connectNode, options);
}

export { EntError, isEntError, type ErrorCode } from '@entdb/base';
export type { LogPosition } from '@entdb/contracts';
export type { Client, ClientOptions } from './client.ts';
export { allOf, anyOf, type Condition, type Where } from './filter.ts';
export type { Connect, Connection } from './fleet/connection.ts';
export type { Mailbox, MailboxItem } from './read/mailbox.ts';
export type { Page, Pages } from './read/pages.ts';
export type { Query } from './read/query.ts';
export type { Neighbors, TenantInfo } from './read/reads.ts';
export type { Consistency, ReadOptions } from './read/scope.ts';
export type { WatchEvent } from './read/watch.ts';
export { field, type Field, type FieldKind, type FieldOptions } from './schema/field.ts';
export { defineSchema, type Schema } from './schema/schema.ts';
export {
  edgeType,
  nodeType,
  type ChangedFields,
  type EdgeType,
  type KeyOf,
  type NewFields,
  type NodeType,
} from './schema/types.ts';
export type { Tenant } from './tenant.ts';
export type { Edge, Node, UnknownEdge, UnknownNode } from './values/decode.ts';
export type { NodeId } from './values/flavor.ts';
export { jsonOfText, type Json, type JsonValue } from './values/json.ts';
export { dateOf, timestampOf, type Timestamp } from './values/timestamp.ts';
export type { NodeHandle } from './write/handle.ts';
export { mintKey } from './write/key.ts';
export type { Plan } from './write/plan.ts';
export type { OperationOutcome, Receipt, Result, Verdict } from './write/result.ts';
export type { AtomicOptions, BatchOutcome } from './write/writes.ts';
