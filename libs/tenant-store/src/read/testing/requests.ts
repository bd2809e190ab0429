import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  GetNodeByKeyRequestSchema,
  GetNodeRequestSchema,
  GetNodesRequestSchema,
  GetResultRequestSchema,
  GetSchemaRequestSchema,
  GetTenantRequestSchema,
  CountUnreadRequestSchema,
  ListEdgesRequestSchema,
  ListMailboxRequestSchema,
  ListNeighborsRequestSchema,
  QueryNodesRequestSchema,
  SearchMailboxRequestSchema,
  SearchNodesRequestSchema,
} from '@entdb/contracts';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';

const builder =
  <Desc extends DescMessage>(schema: Desc) =>
  (init?: MessageInitShape<Desc>): MessageShape<Desc> =>
    create(schema, init);

/** Requests of which a test states only what it is about. */
export const ask = {
  node: builder(GetNodeRequestSchema),
  nodes: builder(GetNodesRequestSchema),
  byKey: builder(GetNodeByKeyRequestSchema),
  query: builder(QueryNodesRequestSchema),
  edges: builder(ListEdgesRequestSchema),
  neighbors: builder(ListNeighborsRequestSchema),
  search: builder(SearchNodesRequestSchema),
  mailbox: builder(ListMailboxRequestSchema),
  searchMailbox: builder(SearchMailboxRequestSchema),
  unread: builder(CountUnreadRequestSchema),
  result: builder(GetResultRequestSchema),
  schema: builder(GetSchemaRequestSchema),
  tenant: builder(GetTenantRequestSchema),
};
