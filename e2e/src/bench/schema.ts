import { defineSchema, field, nodeType } from '@entdb/client';

/** What is written: one unique and one indexed field, and a body that makes the record about half a kilobyte. */
export const Item = nodeType('Item', 1, {
  title: field.str(1, { required: true, unique: true }),
  count: field.int(2, { indexed: true }),
  body: field.str(3),
});

export const schema = defineSchema({ nodes: [Item], edges: [] });
