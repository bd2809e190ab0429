import { create } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { mergeSchemas, schemaConflicts } from './evolve.ts';
import { canonicalSchema } from './fingerprint.ts';
import {
  EdgeTypeSchema,
  FieldDefinitionSchema,
  NodeTypeSchema,
  Kind,
  SchemaSchema,
  UniqueConstraintSchema,
  type Schema,
} from './gen/entdb/v1/schema_pb.ts';
import { compileSchema } from './schema.ts';
import { sampleSchema } from './testing/samples.ts';

type Change = (copy: Schema) => void;

function changed(change: Change): Schema {
  const copy = structuredClone(sampleSchema);
  change(copy);
  return copy;
}

const field = (id: number, name: string, more = {}) =>
  create(FieldDefinitionSchema, { id, name, kind: Kind.STR, ...more });

describe('evolution', () => {
  it.each<[string, Change]>([
    ['nothing', () => {}],
    [
      'a type more',
      (copy) => {
        copy.nodeTypes.push({ ...copy.nodeTypes[0]!, id: 9, name: 'New' });
      },
    ],
    [
      'a type less',
      (copy) => {
        copy.nodeTypes.shift();
      },
    ],
    [
      'an optional field more',
      (copy) => {
        copy.nodeTypes[0]!.fields.push(field(9, 'x'));
      },
    ],
    [
      'a unique field more',
      (copy) => {
        copy.nodeTypes[0]!.fields.push(field(9, 'x', { unique: true }));
      },
    ],
    [
      'a required field less',
      (copy) => {
        copy.nodeTypes[0]!.fields.shift();
      },
    ],
    [
      'required becomes optional',
      (copy) => {
        copy.nodeTypes[0]!.fields[0]!.required = false;
      },
    ],
    [
      'an enum value more',
      (copy) => {
        copy.nodeTypes[0]!.fields[3]!.enumValues.push('stuck');
      },
    ],
    [
      'an enum value less',
      (copy) => {
        copy.nodeTypes[0]!.fields[3]!.enumValues.pop();
      },
    ],
    [
      'an index more',
      (copy) => {
        copy.nodeTypes[0]!.fields[0]!.indexed = true;
      },
    ],
    [
      'an index less',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.indexed = false;
      },
    ],
    [
      'unique',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.unique = true;
      },
    ],
    [
      'a ref to any type',
      (copy) => {
        copy.nodeTypes[0]!.fields[4]!.refTypeId = 0;
      },
    ],
    [
      'an edge from more types',
      (copy) => {
        copy.edgeTypes[0]!.fromTypeIds.push(2);
      },
    ],
    [
      'an edge to all types',
      (copy) => {
        copy.edgeTypes[0]!.toTypeIds = [];
      },
    ],
  ])('is compatible with %s', (_, change) => {
    const incoming = changed(change);
    expect(schemaConflicts(sampleSchema, incoming)).toEqual([]);
    const merged = mergeSchemas(sampleSchema, incoming);
    compileSchema(merged);
    expect(schemaConflicts(merged, incoming)).toEqual([]);
  });

  it.each<[string, Change, string]>([
    [
      'another name of a type',
      (copy) => {
        copy.nodeTypes[0]!.name = 'Person';
      },
      'node type 1 is User, not Person',
    ],
    [
      'another name of an edge type',
      (copy) => {
        copy.edgeTypes[0]!.name = 'sees';
      },
      'edge type 1 is knows, not sees',
    ],
    [
      'another name of a field',
      (copy) => {
        copy.nodeTypes[0]!.fields[0]!.name = 'mail';
      },
      'field 1 is named email',
    ],
    [
      'another id of a field',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.id = 9;
      },
      'field 2 has this name, so field 9 cannot',
    ],
    [
      'another kind',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.kind = Kind.FLOAT;
      },
      'its kind was int, not float',
    ],
    [
      'a list',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.list = true;
      },
      'its kind was int, not list of int',
    ],
    [
      'no list',
      (copy) => {
        copy.nodeTypes[0]!.fields[2]!.list = false;
      },
      'its kind was list of str, not str',
    ],
    [
      'optional becomes required',
      (copy) => {
        copy.nodeTypes[0]!.fields[1]!.required = true;
      },
      'cannot become required',
    ],
    [
      'a required field more',
      (copy) => {
        copy.nodeTypes[0]!.fields.push(field(9, 'x', { required: true }));
      },
      'cannot be required',
    ],
    [
      'a ref to another type',
      (copy) => {
        copy.nodeTypes[0]!.fields[4]!.refTypeId = 2;
      },
      'refers to type 1, not 2',
    ],
    [
      'an edge to fewer types',
      (copy) => {
        copy.edgeTypes[0]!.toTypeIds = [1];
      },
      'it may go to cannot become fewer',
    ],
    [
      'an edge from one type only',
      (copy) => {
        copy.edgeTypes[1]!.fromTypeIds = [1];
      },
      'it may go from cannot become fewer',
    ],
    [
      'a field of an edge of another kind',
      (copy) => {
        copy.edgeTypes[0]!.fields[0]!.kind = Kind.INT;
      },
      'its kind was timestamp, not int',
    ],
  ])('is broken by %s', (_, change, reason) => {
    const conflicts = schemaConflicts(sampleSchema, changed(change));
    expect(conflicts).toHaveLength(1);
    expect(conflicts[0]).toContain(reason);
  });

  it('keeps every constraint, and lets what was relaxed stay relaxed', () => {
    const relaxed = changed((copy) => {
      const [email, age, , state] = copy.nodeTypes[0]!.fields;
      email!.required = false;
      email!.unique = false;
      age!.indexed = false;
      state!.enumValues = ['stuck', 'open'];
      copy.nodeTypes[0]!.unique = [];
      copy.edgeTypes[0]!.toTypeIds = [];
    });
    const merged = mergeSchemas(sampleSchema, relaxed);
    const [email, age, , state] = merged.nodeTypes[0]!.fields;
    expect(email).toMatchObject({ required: false, unique: true });
    expect(age).toMatchObject({ indexed: true });
    expect(state!.enumValues).toEqual(['open', 'closed', 'stuck']);
    expect(merged.nodeTypes[0]!.unique).toHaveLength(1);
    expect(merged.edgeTypes[0]!.toTypeIds).toEqual([]);
    expect(schemaConflicts(merged, sampleSchema)).not.toEqual([]);
  });

  it('no longer requires a field that one of the versions does not know', () => {
    const without = changed((copy) => {
      copy.nodeTypes[0]!.fields.shift();
    });
    const [email] = mergeSchemas(sampleSchema, without).nodeTypes[0]!.fields;
    expect(email).toMatchObject({ name: 'email', required: false, unique: true });
  });

  it('gives types, fields and constraints in the order of their ids', () => {
    const reversed = changed((copy) => {
      copy.nodeTypes.reverse();
      for (const type of copy.nodeTypes) type.fields.reverse();
      copy.nodeTypes[1]!.unique.unshift(
        create(UniqueConstraintSchema, { name: 'a', fieldIds: [5] }),
      );
    });
    const { nodeTypes } = mergeSchemas(create(SchemaSchema), reversed);
    expect(nodeTypes.map(({ id }) => id)).toEqual([1, 2]);
    expect(nodeTypes[0]!.fields.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    expect(nodeTypes[0]!.unique.map(({ fieldIds }) => fieldIds)).toEqual([[2, 4], [5]]);
  });
});

/** Mostly the shape that the id suggests, so that two schemas often agree on a field, and sometimes do not. */
const fieldOf = (id: number) =>
  fc
    .record({
      kind: fc.oneof(
        { weight: 20, arbitrary: fc.constant([Kind.STR, Kind.INT, Kind.ENUM, Kind.REF][id % 4]!) },
        { weight: 1, arbitrary: fc.constantFrom(Kind.STR, Kind.INT) },
      ),
      name: fc.oneof(
        { weight: 20, arbitrary: fc.constant(`f${id}`) },
        { weight: 1, arbitrary: fc.constantFrom('f1', 'f2', 'f3') },
      ),
      indexed: fc.boolean(),
      unique: fc.boolean(),
      required: fc.nat(5).map((n) => n === 0),
      values: fc.subarray(['x', 'y', 'z'], { minLength: 1 }),
      refTypeId: fc.oneof(fc.constant(0), fc.nat(2)),
    })
    .map(({ values, refTypeId, ...shape }) =>
      create(FieldDefinitionSchema, {
        id,
        ...shape,
        ...(shape.kind === Kind.ENUM && { enumValues: values }),
        ...(shape.kind === Kind.REF && { refTypeId }),
      }),
    );
const fieldsOf = fc
  .subarray([1, 2, 3, 4], { minLength: 1 })
  .chain((ids) => fc.tuple(...ids.map(fieldOf)))
  .filter((fields) => new Set(fields.map(({ name }) => name)).size === fields.length);
const ends = fc.oneof(fc.constant<number[]>([]), fc.subarray([1, 2, 3]));
/** Small enough that two of them often speak of the same thing. */
const anySchema: fc.Arbitrary<Schema> = fc
  .record({
    nodes: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 3 }), fieldsOf), {
      selector: ([id]) => id,
    }),
    edges: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 2 }), ends, ends), {
      selector: ([id]) => id,
    }),
  })
  .map(({ nodes, edges }) =>
    create(SchemaSchema, {
      nodeTypes: nodes.map(([id, fields]) =>
        create(NodeTypeSchema, {
          id,
          name: `N${id}`,
          fields,
          unique: [{ name: `u${id}`, fieldIds: [fields.at(-1)!.id, fields[0]!.id] }],
        }),
      ),
      edgeTypes: edges.map(([id, fromTypeIds, toTypeIds]) =>
        create(EdgeTypeSchema, { id, name: `E${id}`, fromTypeIds, toTypeIds }),
      ),
    }),
  );
const compatible = fc
  .tuple(anySchema, anySchema)
  .filter(([a, b]) => schemaConflicts(a, b).length === 0);

/** A schema that only grows: nothing of the first is relaxed. */
const grown = anySchema.chain((a) =>
  fc.record({ index: fc.boolean(), more: fc.boolean() }).map(({ index, more }) => {
    const b = structuredClone(a);
    for (const type of b.nodeTypes) {
      if (more) type.fields.push(field(50, 'new'));
      if (index) type.fields[0]!.indexed = true;
    }
    return [a, b] as const;
  }),
);

describe('merging schemas', () => {
  const merged = (a: Schema, b: Schema) => canonicalSchema(mergeSchemas(a, b));

  it('gives a catalog that compiles and that the newcomer agrees with', () => {
    fc.assert(
      fc.property(compatible, ([a, b]) => {
        const catalog = mergeSchemas(a, b);
        expect(() => compileSchema(catalog)).not.toThrow();
        expect(schemaConflicts(catalog, b)).toEqual([]);
        expect(schemaConflicts(catalog, catalog)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('agrees with the one before, too, where nothing was relaxed', () => {
    fc.assert(
      fc.property(grown, ([a, b]) => {
        fc.pre(schemaConflicts(a, b).length === 0);
        expect(schemaConflicts(mergeSchemas(a, b), a)).toEqual([]);
      }),
    );
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(compatible, ([a, b]) => {
        const once = mergeSchemas(a, b);
        expect(mergeSchemas(once, b)).toEqual(once);
        expect(merged(a, a)).toBe(canonicalSchema(a));
      }),
    );
  });

  it('does not depend on the order of schemas that speak of different types', () => {
    const apart = fc
      .tuple(anySchema, anySchema, anySchema)
      .map(([base, a, b]): [Schema, Schema, Schema] => [
        base,
        { ...a, nodeTypes: a.nodeTypes.filter(({ id }) => id === 1), edgeTypes: [] },
        { ...b, nodeTypes: b.nodeTypes.filter(({ id }) => id !== 1) },
      ]);
    fc.assert(
      fc.property(apart, ([base, a, b]) => {
        fc.pre(schemaConflicts(base, a).length === 0 && schemaConflicts(base, b).length === 0);
        expect(merged(mergeSchemas(base, a), b)).toBe(merged(mergeSchemas(base, b), a));
      }),
    );
  });

  it('changes neither of its arguments', () => {
    fc.assert(
      fc.property(compatible, ([a, b]) => {
        const before = structuredClone([a, b]);
        mergeSchemas(a, b);
        expect([a, b]).toEqual(before);
      }),
    );
  });
});
