import { defineSchema, edgeType, field, nodeType } from '@entdb/client';

/** What the load writes. Each item says of itself which write made it, so that one more or one less is seen. */
export const Counter = nodeType('Counter', 1, {
  name: field.str(1, { required: true, unique: true }),
  value: field.int(2, { required: true }),
});

export const Item = nodeType('Item', 2, {
  slug: field.str(1, { required: true, unique: true }),
  note: field.str(2, { searchable: true }),
  amount: field.int(3, { indexed: true }),
});

export const CountedBy = edgeType('counted_by', 1, { from: [Item], to: [Counter] });

export const schema = defineSchema({ nodes: [Counter, Item], edges: [CountedBy] });
