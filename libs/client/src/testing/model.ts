/** The schema of the specs: every kind, every constraint. */
import { defineSchema } from '../schema/schema.ts';
import { edgeType, nodeType } from '../schema/types.ts';
import { field } from '../schema/field.ts';

export const User = nodeType(
  'User',
  1,
  {
    email: field.str(1, { required: true, unique: true }),
    age: field.int(2, { indexed: true }),
    tags: field.list(field.str(3)),
    role: field.enum(4, ['admin', 'member']),
    manager: field.ref(5, 'User'),
    bio: field.str(6, { searchable: true, indexed: true }),
    score: field.float(7),
    active: field.bool(8),
    joined: field.timestamp(9, { indexed: true }),
    settings: field.json(10),
    avatar: field.bytes(11),
    country: field.str(12),
    number: field.int(13),
    friends: field.list(field.ref(14, 'User')),
  },
  { unique: [['country', 'number']] },
);

export const Post = nodeType('Post', 2, {
  title: field.str(1, { required: true }),
  author: field.ref(2, 'User', { required: true }),
});

export const Follows = edgeType('Follows', 1, {
  from: [User],
  to: [User],
  fields: { since: field.timestamp(1) },
});
export const Rates = edgeType('Rates', 2, {
  from: [User],
  to: [Post],
  fields: { stars: field.int(1, { required: true }) },
});

export const schema = defineSchema({ nodes: [User, Post], edges: [Follows, Rates] });
