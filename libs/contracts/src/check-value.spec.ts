import * as fc from 'fast-check';
import { checkNodeId, checkValue } from './check-value.ts';
import { value } from './testing/arbitrary.ts';
import { refusal } from './testing/refusal.ts';
import { val, valueOf } from './value.ts';

describe('a value', () => {
  it('of any kind passes, and comes back as what is inside', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(checkValue(given, 'f')).toBe(given.kind);
      }),
    );
  });

  it.each([
    ['no kind', valueOf(undefined as never), 'fields[1]'],
    ['a lone high surrogate', val.str('a\uD800'), 'fields[1]'],
    ['a lone low surrogate', val.enum('\uDC00a'), 'fields[1]'],
    ['surrogates the wrong way round', val.json('"\uDC00\uD800"'), 'fields[1]'],
    ['NaN', val.float(Number.NaN), 'fields[1]'],
    ['an infinity', val.float(Infinity), 'fields[1]'],
    ['minus infinity', val.float(-Infinity), 'fields[1]'],
    ['an int above int64', val.int(2n ** 63n), 'fields[1]'],
    ['an int below int64', val.int(-(2n ** 63n) - 1n), 'fields[1]'],
    ['a time above int64', val.timestamp(2n ** 63n), 'fields[1]'],
    ['text that is not JSON', val.json('{'), 'fields[1]'],
    ['no JSON at all', val.json(''), 'fields[1]'],
    ['JSON with more behind it', val.json('1 2'), 'fields[1]'],
    ['NaN as JSON', val.json('NaN'), 'fields[1]'],
    ['a list in a list', val.list([val.list([])]), 'fields[1][0]'],
    ['a list of two kinds', val.list([val.int(1), val.str('a')]), 'fields[1][1]'],
    ['a list with a bad value', val.list([val.float(1), val.float(Number.NaN)]), 'fields[1][1]'],
    [
      'a list with an empty value',
      val.list([val.int(1), valueOf(undefined as never)]),
      'fields[1][1]',
    ],
  ])('is refused: %s', (_, given, path) => {
    const sure = given.kind === undefined ? { ...given, kind: { case: undefined } } : given;
    if (sure.kind.case === 'list') {
      for (const item of sure.kind.value.values) item.kind ??= { case: undefined };
    }
    const error = refusal(() => checkValue(sure, 'fields[1]'));
    expect([error.code, error.facts.field]).toEqual(['INVALID_VALUE', path]);
  });

  it.each(['1e999', '"\\ud800"', '[]', 'null', `${'['.repeat(100_000)}${']'.repeat(100_000)}`])(
    'of kind json is any JSON text',
    (json) => {
      expect(checkValue(val.json(json), 'f').value).toBe(json);
    },
  );

  it('of kind ref is a node id, in a list too', () => {
    expect(refusal(() => checkValue(val.ref('$alice'), 'f')).code).toBe('INVALID_ID');
    const error = refusal(() => checkValue(val.list([val.ref('a'), val.ref('')]), 'f'));
    expect([error.code, error.facts.field]).toEqual(['INVALID_ID', 'f[1]']);
  });
});

describe('a node id', () => {
  it.each(['a', 'ünï', '\u{1F600}', 'a$', ' ', 'x'.repeat(256)])('may be %j', (id) => {
    expect(() => checkNodeId(id, 'id')).not.toThrow();
  });

  it.each(['', '$a', 'a\0', '\uD800', 'x'.repeat(257)])('may not be %j', (id) => {
    const error = refusal(() => checkNodeId(id, 'ops[0].id'));
    expect([error.code, error.facts.field]).toEqual(['INVALID_ID', 'ops[0].id']);
  });
});
