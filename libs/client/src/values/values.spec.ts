/** Method: every kind of value goes into a message, through the wire's bytes, and back out of a node; it must come back equal. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { NodeSchema } from '@entdb/contracts';
import fc from 'fast-check';
import { caught } from '../testing/caught.ts';
import { User } from '../testing/model.ts';
import { nameById } from '../write/handle.ts';
import { decodeNode } from './decode.ts';
import { encodeFields, encodeNewFields } from './encode.ts';
import { jsonOfText, jsonText, type Json } from './json.ts';
import { dateOf, timestampOf } from './timestamp.ts';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: 'grapheme' });

const values = fc.record(
  {
    email: text,
    age: int64,
    tags: fc.array(text),
    role: fc.constantFrom('admin', 'member'),
    manager: fc.uuid(),
    bio: text,
    score: fc.double({ noNaN: true, noDefaultInfinity: true }),
    active: fc.boolean(),
    joined: int64,
    avatar: fc.uint8Array(),
    friends: fc.array(fc.uuid()),
  },
  { requiredKeys: ['email'] },
);

function throughTheWire(input: Readonly<Record<string, unknown>>) {
  const fields = encodeNewFields(User, input, 'fields', nameById);
  const bytes = toBinary(
    NodeSchema,
    create(NodeSchema, { id: 'x', typeId: 1, fields, version: 1n }),
  );
  return decodeNode(User, fromBinary(NodeSchema, bytes)).fields;
}

const codeOf = (act: () => unknown) => caught(act).code;
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;
const refusal = (input: Readonly<Record<string, unknown>>) =>
  codeOf(() => encodeNewFields(User, { email: 'a', ...input }, 'fields', nameById));

describe('values', () => {
  it('come back from the wire as they went in', () => {
    fc.assert(fc.property(values, (input) => expect(throughTheWire(input)).toEqual(input)));
  });

  it.each([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 0n])('keeps the int %s', (age) => {
    expect(throughTheWire({ email: '', age }).age).toBe(age);
  });

  it('takes numbers for ints and Dates for moments', () => {
    const back = throughTheWire({
      email: '',
      age: -0,
      joined: new Date('1969-12-31T23:59:59.999Z'),
    });
    expect(back).toEqual({ email: '', age: 0n, joined: -1000n });
  });

  it('keeps "", 0, false and empty lists apart from absence', () => {
    const input = {
      email: '',
      age: 0n,
      active: false,
      tags: [],
      score: 0,
      avatar: new Uint8Array(),
    };
    expect(throughTheWire(input)).toEqual(input);
    expect(Object.keys(throughTheWire({ email: '', age: undefined }))).toEqual(['email']);
  });

  it.each([
    ['an unsafe integer', { age: 2 ** 53 }, 'INVALID_VALUE'],
    ['a fraction for an int', { age: 1.5 }, 'INVALID_VALUE'],
    ['an int of 65 bits', { age: 2n ** 63n }, 'INVALID_VALUE'],
    ['NaN', { score: NaN }, 'INVALID_VALUE'],
    ['infinity', { score: -Infinity }, 'INVALID_VALUE'],
    ['a Date that is none', { joined: new Date(NaN) }, 'INVALID_VALUE'],
    ['half a surrogate pair', { bio: '\ud800' }, 'INVALID_VALUE'],
    ['NaN within JSON', { settings: { deep: [NaN] } }, 'INVALID_VALUE'],
    ['a function within JSON', { settings: { deep: () => 1 } }, 'INVALID_VALUE'],
    ['JSON that holds itself', { settings: cycle }, 'INVALID_VALUE'],
    ['a string for an int', { age: '1' }, 'WRONG_KIND'],
    ['a value for a list', { tags: 'x' }, 'WRONG_KIND'],
    ['a list for a value', { age: [1] }, 'WRONG_KIND'],
    ['an unknown name of an enum', { role: 'owner' }, 'UNKNOWN_ENUM_VALUE'],
    ['an unknown field', { nickname: 'x' }, 'UNKNOWN_FIELD'],
    ['a field of Object', { constructor: 'x' }, 'UNKNOWN_FIELD'],
    ['no value for a required field', { email: undefined }, 'REQUIRED_FIELD'],
    ['null for a required field', { email: null }, 'REQUIRED_FIELD'],
  ])('refuses %s', (_what, input, code) => {
    expect(refusal(input)).toBe(code);
  });

  it('names the place of a fault', () => {
    const act = () =>
      encodeFields(User, { friends: ['ok', 1] }, 'operations[2].update_node.set', nameById);
    expect(caught(act).facts.field).toBe('operations[2].update_node.set[14][1]');
  });

  it('makes null a field that is to be absent', () => {
    expect(encodeFields(User, { bio: null, age: 1 }, 'set', nameById)).toMatchObject({
      absent: [6],
      set: { 2: {} },
    });
  });

  it('refuses a node that lacks what the types promise', () => {
    const node = create(NodeSchema, { id: 'x', typeId: 1, fields: {} });
    expect(codeOf(() => decodeNode(User, node))).toBe('TYPE_MISMATCH');
    const fields = {
      1: { kind: { case: 'str', value: 'a' } },
      2: { kind: { case: 'str', value: '1' } },
    } as const;
    expect(codeOf(() => decodeNode(User, create(NodeSchema, { id: 'x', typeId: 1, fields })))).toBe(
      'TYPE_MISMATCH',
    );
  });

  it('leaves out what a newer schema has added', () => {
    const fields = {
      1: { kind: { case: 'str', value: 'a' } },
      99: { kind: { case: 'bool', value: true } },
    } as const;
    expect(decodeNode(User, create(NodeSchema, { id: 'x', typeId: 1, fields })).fields).toEqual({
      email: 'a',
    });
  });
});

describe('JSON', () => {
  it('keeps integers beyond 2^53 both ways', () => {
    expect(jsonText({ a: [2n ** 64n] }, 'f')).toBe('{"a":[18446744073709551616]}');
    expect(
      jsonOfText('{"a":[18446744073709551616, 1, 1.5, 1e300, -9007199254740993]}').parse(),
    ).toEqual({
      a: [18446744073709551616n, 1, 1.5, 1e300, -9007199254740993n],
    });
  });

  it('keeps its text byte for byte', () => {
    const settings = jsonOfText('{ "b":1, "a" : 1.0 }');
    const back: Json | undefined = throughTheWire({ email: '', settings }).settings;
    expect(back?.text).toBe(settings.text);
  });

  it('comes back equal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(value !== null);
        // -0 has no JSON of its own, and an integer beyond 2^53 is read as bigint.
        const expected: unknown = JSON.parse(JSON.stringify(value), (_key, part: unknown) =>
          Number.isInteger(part) && !Number.isSafeInteger(part) && /^-?\d+$/.test(String(part))
            ? BigInt(String(part))
            : part,
        );
        expect(throughTheWire({ email: '', settings: value }).settings?.parse()).toEqual(expected);
      }),
    );
  });
});

describe('moments', () => {
  it('are Dates at or before them', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), (moment) => {
        const behind = moment - timestampOf(dateOf(moment));
        expect(behind >= 0n && behind < 1000n).toBe(true);
      }),
    );
  });
});
