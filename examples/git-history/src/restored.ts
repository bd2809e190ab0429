import { create } from '@bufbuild/protobuf';
import {
  GetNodeRequestSchema,
  QueryNodesRequestSchema,
  type Node,
  type Value,
} from '@entdb/contracts';
import { openTenantReader } from '@entdb/tenant-store';
import { lineOf } from './git.ts';
import { File, Head, headId } from './schema.ts';

export interface RestoredTree {
  readonly head: string;
  /** As `listTree` has them. */
  readonly lines: readonly string[];
}

/** Reads restored files with the reader that appliers answer queries with. */
export function readRestored(dir: string, tenantId: string): RestoredTree {
  const reader = openTenantReader({ dir, tenantId });
  try {
    const lines: string[] = [];
    let pageToken = '';
    do {
      const page = reader.queryNodes(
        create(QueryNodesRequestSchema, { typeId: File.id, pageSize: 1000, pageToken }),
      );
      lines.push(...page.nodes.map(lineOfNode));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    const { node } = reader.getNode(create(GetNodeRequestSchema, { typeId: Head.id, id: headId }));
    return { head: node ? text(node.fields[1]) : '', lines: lines.toSorted() };
  } finally {
    reader.close();
  }
}

function lineOfNode({ fields }: Node): string {
  const path = fields[1]?.kind;
  if (path?.case !== 'bytes') throw new Error('a file has no path');
  return lineOf({
    path: Buffer.from(path.value).toString('hex'),
    mode: text(fields[2]),
    blob: text(fields[3]),
  });
}

function text(value: Value | undefined): string {
  if (value?.kind.case !== 'str') throw new Error('a field has no text');
  return value.kind.value;
}
