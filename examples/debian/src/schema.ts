import {
  defineSchema,
  edgeType,
  field,
  nodeType,
  type Client,
  type Plan,
  type Tenant,
} from '@entdb/client';

/** A package that the archive has. */
export const Package = nodeType('Package', 1, {
  name: field.str(1, { required: true, unique: true, indexed: true }),
  version: field.str(2, { required: true }),
  section: field.str(3, { required: true, indexed: true }),
  priority: field.str(4),
  architecture: field.str(5, { required: true }),
  maintainer: field.str(6),
  /** KiB on disk. */
  installedSize: field.int(7, { indexed: true }),
  /** Bytes of the archive file. */
  size: field.int(8),
  homepage: field.str(9),
  description: field.str(10, { searchable: true }),
  sha256: field.bytes(11),
  essential: field.bool(12),
  tags: field.list(field.str(13)),
});

/** A name that packages depend on and that no package has: provided by others, or not there at all. */
export const Name = nodeType('Name', 2, { name: field.str(1, { required: true, unique: true }) });

/** Parallel edges are told apart by their key: relation, place in the field, alternative. */
export const DependsOn = edgeType('DependsOn', 1, {
  from: [Package],
  to: [Package, Name],
  fields: {
    relation: field.enum(1, ['depends', 'pre-depends'], { required: true }),
    /** Alternatives of one dependency share the group. */
    group: field.int(2, { required: true }),
    alternative: field.int(3, { required: true }),
    constraint: field.str(4),
    architecture: field.str(5),
  },
});

export const schema = defineSchema({ nodes: [Package, Name], edges: [DependsOn] });

export type DebianClient = Client<typeof Package | typeof Name, typeof DependsOn>;
export type DebianTenant = Tenant<typeof Package | typeof Name, typeof DependsOn>;
export type DebianPlan = Plan<typeof Package | typeof Name, typeof DependsOn>;
