import { create, type MessageInitShape } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { canonicalSchema, schemaFingerprint } from './fingerprint.ts';
import { Kind, NodeTypeSchema, SchemaSchema, type Schema } from './gen/entdb/v1/schema_pb.ts';
import { compileSchema } from './schema.ts';
import { sampleSchema } from './testing/samples.ts';
import { refusal } from './testing/refusal.ts';

type Init = MessageInitShape<typeof SchemaSchema>;
type FieldInit = { id?: number; name?: string; kind?: Kind } & Record<string, unknown>;
const schema = (init: Init): Schema => create(SchemaSchema, init);
const nodeWith = (...fields: FieldInit[]): Init => ({ nodeTypes: [{ id: 1, name: 'N', fields }] });
const str = { id: 1, name: 'a', kind: Kind.STR };
const uniqueOver = (...fieldIds: number[]): Init => ({
  nodeTypes: [
    {
      id: 1,
      name: 'N',
      fields: [
        str,
        { id: 2, name: 'j', kind: Kind.JSON },
        { id: 3, name: 'l', kind: Kind.STR, list: true },
      ],
      unique: [{ name: 'u', fieldIds }],
    },
  ],
});

describe('compiling a schema', () => {
  it.each<[string, Init]>([
    ['node type N: its id is 0', { nodeTypes: [{ name: 'N' }] }],
    ['edge type E: its id is 0', { edgeTypes: [{ name: 'E' }] }],
    [
      'node type B: its id 1 is given twice',
      {
        nodeTypes: [
          { id: 1, name: 'A' },
          { id: 1, name: 'B' },
        ],
      },
    ],
    [
      'edge type B: its id 1 is given twice',
      {
        edgeTypes: [
          { id: 1, name: 'A' },
          { id: 1, name: 'B' },
        ],
      },
    ],
    ['node type N, field a: its id is 0', nodeWith({ ...str, id: 0 })],
    ['node type N, field b: its id 1 is given twice', nodeWith(str, { ...str, name: 'b' })],
    ['node type N, field a: its name is empty or given twice', nodeWith(str, { ...str, id: 2 })],
    ['node type N, field 1: its name is empty or given twice', nodeWith({ ...str, name: '' })],
    ['node type N, field a: it has no kind', nodeWith({ ...str, kind: Kind.UNSPECIFIED })],
    ['node type N, field a: it has the unknown kind 77', nodeWith({ ...str, kind: 77 as Kind })],
    [
      'node type N, field a: lists and json cannot be unique',
      nodeWith({ ...str, list: true, unique: true }),
    ],
    [
      'node type N, field a: lists and json cannot be unique',
      nodeWith({ ...str, kind: Kind.JSON, indexed: true }),
    ],
    [
      'node type N, field a: only str can be searchable',
      nodeWith({ ...str, kind: Kind.INT, searchable: true }),
    ],
    ['node type N, field a: the enum has no values', nodeWith({ ...str, kind: Kind.ENUM })],
    [
      'node type N, field a: an enum value is given twice',
      nodeWith({ ...str, kind: Kind.ENUM, enumValues: ['x', 'x'] }),
    ],
    ['node type N, field a: only an enum has enum values', nodeWith({ ...str, enumValues: ['x'] })],
    ['node type N, field a: only a ref refers to a type', nodeWith({ ...str, refTypeId: 1 })],
    ['node type N: the unique constraint u has no field', uniqueOver()],
    ['node type N: the unique constraint u names a field 9 that is not there', uniqueOver(1, 9)],
    [
      'node type N: the unique constraint u names the field j, which cannot be unique',
      uniqueOver(1, 2),
    ],
    [
      'node type N: the unique constraint u names the field l, which cannot be unique',
      uniqueOver(1, 3),
    ],
    [
      'edge type E, field a: fields of edges cannot be unique',
      { edgeTypes: [{ id: 1, name: 'E', fields: [{ ...str, unique: true }] }] },
    ],
  ])('refuses: %s', (message, init) => {
    const error = refusal(() => compileSchema(schema(init)));
    expect(error.code).toBe('INVALID_SCHEMA');
    expect(error.message).toContain(message);
  });

  it('makes ready what look-ups need', () => {
    const { nodeTypes, edgeTypes, fingerprint } = compileSchema(sampleSchema);
    const user = nodeTypes.get(1)!;
    expect(fingerprint).toBe(schemaFingerprint(sampleSchema));
    expect([...user.fields.keys()]).toEqual([1, 2, 3, 4, 5]);
    expect(user.required.map(({ name }) => name)).toEqual(['email']);
    expect(user.indexed.map(({ name }) => name)).toEqual(['age']);
    expect(user.searchable.map(({ name }) => name)).toEqual(['tags']);
    expect(user.unique).toEqual([
      { name: '1', fieldIds: [1] },
      { name: '2,4', fieldIds: [2, 4] },
    ]);
    expect(edgeTypes.get(1)!.toTypes).toEqual(new Set([1, 2]));
    expect(edgeTypes.get(2)!.fromTypes.size).toBe(0);
  });

  it('names a unique key by its fields, whatever their order and however often they are given', () => {
    const keys = (...ids: number[]) =>
      compileSchema(
        schema({
          nodeTypes: [
            {
              id: 1,
              name: 'N',
              fields: [str, { ...str, id: 10, name: 'b' }],
              unique: [{ name: 'u', fieldIds: ids }],
            },
          ],
        }),
      ).nodeTypes.get(1)!.unique;
    expect(keys(10, 1, 10)).toEqual(keys(1, 10));
    expect(keys(10, 1)[0]!.name).toBe('1,10');
  });
});

describe('the fingerprint of a schema', () => {
  const two: Schema = {
    ...sampleSchema,
    nodeTypes: [
      ...sampleSchema.nodeTypes,
      create(NodeTypeSchema, {
        id: 3,
        name: 'Two',
        fields: [str, { ...str, id: 2, name: 'b' }, { ...str, id: 3, name: 'c' }],
        unique: [
          { name: 'same', fieldIds: [1, 2] },
          { name: 'same', fieldIds: [1, 3] },
          { name: 'other', fieldIds: [2, 1] },
        ],
      }),
    ],
  };

  it('does not depend on the order of types, fields, constraints and endpoint types', () => {
    const shuffled = <T>(items: readonly T[]) =>
      fc.shuffledSubarray([...items], { minLength: items.length });
    const reordered = fc
      .record({
        nodeTypes: shuffled(two.nodeTypes),
        edgeTypes: shuffled(two.edgeTypes),
        fields: shuffled(two.nodeTypes[0]!.fields),
        unique: shuffled(two.nodeTypes[2]!.unique),
        ends: shuffled(two.edgeTypes[0]!.toTypeIds),
      })
      .map(({ nodeTypes, edgeTypes, fields, unique, ends }) => ({
        ...two,
        nodeTypes: nodeTypes.map((type) => ({
          ...type,
          ...(type.id === 1 && { fields }),
          ...(type.id === 3 && { unique }),
        })),
        edgeTypes: edgeTypes.map((type) => ({
          ...type,
          ...(type.id === 1 && { toTypeIds: ends }),
        })),
      }));
    fc.assert(
      fc.property(reordered, (other) => {
        expect(canonicalSchema(other)).toBe(canonicalSchema(two));
      }),
    );
  });

  it.each<[string, (copy: Schema) => void]>([
    [
      'the name of a type',
      (copy) => {
        copy.nodeTypes[0]!.name = 'Person';
      },
    ],
    [
      'the id of a type',
      (copy) => {
        copy.nodeTypes[1]!.id = 7;
      },
    ],
    [
      'a type less',
      (copy) => {
        copy.nodeTypes.pop();
      },
    ],
    [
      'an edge type less',
      (copy) => {
        copy.edgeTypes.pop();
      },
    ],
    [
      'a field less',
      (copy) => {
        copy.nodeTypes[0]!.fields.pop();
      },
    ],
    [
      'the name of a field',
      (copy) => {
        copy.nodeTypes[0]!.fields[0]!.name = 'mail';
      },
    ],
    [
      'the id of a field',
      (copy) => {
        copy.nodeTypes[0]!.fields[0]!.id = 9;
      },
    ],
    [
      'a kind',
      (copy) => {
        copy.nodeTypes[0]!.fields[0]!.kind = Kind.BYTES;
      },
    ],
    [
      'list',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.list = true;
      },
    ],
    [
      'required',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.required = true;
      },
    ],
    [
      'unique',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.unique = true;
      },
    ],
    [
      'indexed',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.indexed = false;
      },
    ],
    [
      'searchable',
      (copy) => {
        copy.nodeTypes[0]!.fields[2]!.searchable = false;
      },
    ],
    [
      'an enum value',
      (copy) => {
        copy.nodeTypes[0]!.fields[3]!.enumValues.push('x');
      },
    ],
    [
      'the order of enum values',
      (copy) => {
        copy.nodeTypes[0]!.fields[3]!.enumValues.reverse();
      },
    ],
    [
      'the type of a ref',
      (copy) => {
        copy.nodeTypes[0]!.fields[4]!.refTypeId = 0;
      },
    ],
    [
      'the name of a constraint',
      (copy) => {
        copy.nodeTypes[0]!.unique[0]!.name = 'x';
      },
    ],
    [
      'the fields of a constraint',
      (copy) => {
        copy.nodeTypes[0]!.unique[0]!.fieldIds.push(1);
      },
    ],
    [
      'a constraint less',
      (copy) => {
        copy.nodeTypes[0]!.unique.pop();
      },
    ],
    [
      'where an edge begins',
      (copy) => {
        copy.edgeTypes[0]!.fromTypeIds = [];
      },
    ],
    [
      'where an edge ends',
      (copy) => {
        copy.edgeTypes[0]!.toTypeIds.pop();
      },
    ],
    [
      'a field of an edge',
      (copy) => {
        copy.edgeTypes[0]!.fields[0]!.required = false;
      },
    ],
  ])('changes with %s', (_, change) => {
    const copy = structuredClone(sampleSchema);
    change(copy);
    expect(schemaFingerprint(copy)).not.toBe(schemaFingerprint(sampleSchema));
  });
});
