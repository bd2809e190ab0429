import { Kind, type FieldDefinition, type Schema } from '@entdb/contracts';

/** A small schema for stories. */
export const person = 1;
export const project = 2;
export const works = 1;
export const knows = 2;

/** Field of an edge. */
export const since = 1;

/** Fields of a person. */
export const name = 1;
export const email = 2;
export const age = 3;
export const bio = 4;
export const country = 5;
export const passport = 6;

const field = (
  id: number,
  fieldName: string,
  kind: Kind,
  more: Partial<FieldDefinition> = {},
): FieldDefinition => ({
  $typeName: 'entdb.v1.FieldDefinition',
  id,
  name: fieldName,
  kind,
  list: false,
  required: false,
  unique: false,
  indexed: false,
  searchable: false,
  enumValues: [],
  refTypeId: 0,
  ...more,
});

const edge = (id: number, edgeName: string) => ({
  $typeName: 'entdb.v1.EdgeType' as const,
  id,
  name: edgeName,
  fromTypeIds: [],
  toTypeIds: [],
  fields: [field(since, 'since', Kind.STR)],
});

export const people: Schema = {
  $typeName: 'entdb.v1.Schema',
  nodeTypes: [
    {
      $typeName: 'entdb.v1.NodeType',
      id: person,
      name: 'Person',
      fields: [
        field(name, 'name', Kind.STR, { searchable: true }),
        field(email, 'email', Kind.STR, { unique: true }),
        field(age, 'age', Kind.INT, { indexed: true }),
        field(bio, 'bio', Kind.STR, { searchable: true }),
        field(country, 'country', Kind.STR),
        field(passport, 'passport', Kind.INT),
      ],
      unique: [
        { $typeName: 'entdb.v1.UniqueConstraint', name: 'passport', fieldIds: [country, passport] },
      ],
    },
    {
      $typeName: 'entdb.v1.NodeType',
      id: project,
      name: 'Project',
      fields: [field(name, 'name', Kind.STR, { searchable: true })],
      unique: [],
    },
  ],
  edgeTypes: [edge(works, 'works'), edge(knows, 'knows')],
};
