import { createHash } from 'node:crypto';
import { defineSchema, field, nodeType, type Client } from '@entdb/client';

/** A file of the tree. */
export const File = nodeType('File', 1, {
  /** Bytes, as git has them. */
  path: field.bytes(1, { required: true }),
  mode: field.str(2, { required: true }),
  blob: field.str(3, { required: true }),
});

/** The one node that every commit changes, so that no transaction is empty. */
export const Head = nodeType('Head', 2, { commit: field.str(1, { required: true }) });

export const schema = defineSchema({ nodes: [File, Head], edges: [] });
export type GitClient = Client<typeof File | typeof Head, never>;

export const headId = 'head';

/** A path has one node for as long as it is there, and the same id when it comes back. */
export const fileId = (path: string): string =>
  `file-${createHash('sha256').update(path, 'hex').digest('hex').slice(0, 40)}`;
