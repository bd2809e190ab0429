import { create } from '@bufbuild/protobuf';
import { checkClear, checkFields, checkRequired, edgeTypeOf, nodeTypeOf } from './check-fields.ts';
import { Kind, SchemaSchema } from './gen/entdb/v1/schema_pb.ts';
import { compileSchema } from './schema.ts';
import { sampleSchema } from './testing/samples.ts';
import { codeOf, refusal } from './testing/refusal.ts';
import { val, type Fields } from './value.ts';

const schema = compileSchema(sampleSchema);
const user = nodeTypeOf(schema, 1, 'op');
const path = 'operations[2].create_node.fields';

describe('fields', () => {
  it('of their type pass', () => {
    const fields = {
      1: val.str(''),
      2: val.int(2n ** 53n + 1n),
      3: val.list([]),
      4: val.enum('closed'),
      5: val.ref('n1'),
    };
    expect(() => checkFields(fields, user, path)).not.toThrow();
  });

  it.each<[string, Fields, string, string]>([
    ['a field that is not there', { 9: val.int(1) }, 'UNKNOWN_FIELD', `${path}[9]`],
    ['field 0', { 0: val.int(1) }, 'UNKNOWN_FIELD', `${path}[0]`],
    ['another kind', { 2: val.float(1) }, 'WRONG_KIND', `${path}[2]`],
    ['a timestamp for an int', { 2: val.timestamp(1n) }, 'WRONG_KIND', `${path}[2]`],
    ['one value for a list', { 3: val.str('a') }, 'WRONG_KIND', `${path}[3]`],
    ['a list for one value', { 2: val.list([val.int(1)]) }, 'WRONG_KIND', `${path}[2]`],
    ['a list of another kind', { 3: val.list([val.int(1)]) }, 'WRONG_KIND', `${path}[3]`],
    ['an unknown enum value', { 4: val.enum('Open') }, 'UNKNOWN_ENUM_VALUE', `${path}[4]`],
    ['a string for an enum', { 4: val.str('open') }, 'WRONG_KIND', `${path}[4]`],
    ['a bad value', { 1: val.str('\uD800') }, 'INVALID_VALUE', `${path}[1]`],
    ['a bad ref', { 5: val.ref('$x') }, 'INVALID_ID', `${path}[5]`],
  ])('are refused: %s', (_, fields, code, field) => {
    const error = refusal(() => checkFields(fields, user, path));
    expect([error.code, error.facts.field]).toEqual([code, field]);
  });

  it.each(['-1', '1.5', 'name', '4294967296'])('without a schema have ids too: not %s', (id) => {
    const fields: Record<string, Fields[number]> = { [id]: val.int(1) };
    expect(codeOf(() => checkFields(fields, undefined, path))).toBe('UNKNOWN_FIELD');
  });

  it('without a schema may be of any kind, but must be of it', () => {
    expect(() => checkFields({ 0xffffffff: val.json('[]') }, undefined, path)).not.toThrow();
    expect(codeOf(() => checkFields({ 1: val.json('[') }, undefined, path))).toBe('INVALID_VALUE');
  });

  it('that are required must be there when inserted, and may not be cleared', () => {
    expect(() => checkRequired({ 1: val.str('') }, user, path)).not.toThrow();
    expect(refusal(() => checkRequired({ 2: val.int(1) }, user, path)).code).toBe('REQUIRED_FIELD');
    expect(() => checkClear([2, 3], user, 'clear')).not.toThrow();
    const error = refusal(() => checkClear([2, 1], user, 'clear'));
    expect([error.code, error.facts.field]).toEqual(['REQUIRED_FIELD', 'clear[1]']);
    expect(codeOf(() => checkClear([9], user, 'clear'))).toBe('UNKNOWN_FIELD');
  });

  it('are not taken for what an object has by nature', () => {
    expect(
      codeOf(() => checkRequired(Object.create({ 1: val.str('') }) as Fields, user, path)),
    ).toBe('REQUIRED_FIELD');
  });
});

describe('types', () => {
  it('that are not there are named, with those that are', () => {
    const error = refusal(() => nodeTypeOf(schema, 7, 'op'));
    expect([error.code, error.facts.field]).toEqual(['UNKNOWN_TYPE', 'op.type_id']);
    expect(error.facts.hint).toContain('1 (User)');
    expect(codeOf(() => edgeTypeOf(schema, 7, 'op'))).toBe('UNKNOWN_TYPE');
  });

  it('are hinted at briefly, however many there are', () => {
    const fields = Array.from({ length: 1000 }, (_, i) => ({
      id: i + 1,
      name: `f${i}`,
      kind: Kind.INT,
    }));
    const wide = compileSchema(
      create(SchemaSchema, { nodeTypes: [{ id: 1, name: 'Wide', fields }] }),
    );
    const owner = nodeTypeOf(wide, 1, 'op');
    const { hint } = refusal(() => checkFields({ 5000: val.int(1) }, owner, path)).facts;
    expect(hint!.length).toBeLessThan(500);
  });
});
