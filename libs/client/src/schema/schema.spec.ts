import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { compileSchema, SchemaSchema } from '@entdb/contracts';
import { caught } from '../testing/caught.ts';
import { Post, schema, User } from '../testing/model.ts';
import { field } from './field.ts';
import { defineSchema } from './schema.ts';
import { nodeType } from './types.ts';

describe('a schema', () => {
  it('has the fingerprint that a server computes from its definitions', () => {
    const sent = fromBinary(SchemaSchema, toBinary(SchemaSchema, schema.definition));
    expect(compileSchema(sent).fingerprint).toBe(schema.fingerprint);
  });

  it('carries every attribute of a field', () => {
    const [user] = schema.definition.nodeTypes;
    const named = (name: string) => user?.fields.find((one) => one.name === name);
    expect(named('email')).toMatchObject({ id: 1, required: true, unique: true, indexed: false });
    expect(named('bio')).toMatchObject({ searchable: true, indexed: true, required: false });
    expect(named('tags')).toMatchObject({ list: true });
    expect(named('role')).toMatchObject({ enumValues: ['admin', 'member'] });
    expect(named('manager')).toMatchObject({ refTypeId: 1 });
    expect(user?.unique).toMatchObject([{ name: 'country_number', fieldIds: [12, 13] }]);
    expect(schema.definition.edgeTypes[1]).toMatchObject({ fromTypeIds: [1], toTypeIds: [2] });
  });

  it('has another fingerprint when anything in it differs', () => {
    expect(defineSchema({ nodes: [User, Post] }).fingerprint).not.toBe(schema.fingerprint);
  });

  it.each([
    [
      'a ref to nothing',
      () => defineSchema({ nodes: [nodeType('A', 1, { b: field.ref(1, 'B') })] }),
    ],
    [
      'two types of one name',
      () => defineSchema({ nodes: [nodeType('A', 1, {}), nodeType('A', 2, {})] }),
    ],
    [
      'two types of one number',
      () => defineSchema({ nodes: [nodeType('A', 1, {}), nodeType('B', 1, {})] }),
    ],
    [
      'two fields of one number',
      () => defineSchema({ nodes: [nodeType('A', 1, { a: field.str(1), b: field.int(1) })] }),
    ],
  ])('refuses %s', (_what, define) => {
    expect(caught(define).code).toBe('INVALID_SCHEMA');
  });
});
