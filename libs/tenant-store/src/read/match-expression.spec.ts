import { matchExpression } from './match-expression.ts';
import { codeOf } from './testing/refusal.ts';

describe('full-text expression', () => {
  it.each([
    ['hello', '"hello"'],
    ['hello world', '"hello" AND "world"'],
    ['hel*', '"hel*"*'],
    ['one tw*', '"one" AND "tw*"*'],
    ['a* b', '"a*" AND "b"'],
    ['foo* -', '"foo*"'],
    ['foo *', '"foo"'],
    ['a AND b OR NOT c', '"a" AND "AND" AND "b" AND "OR" AND "NOT" AND "c"'],
    ['say "hi"', '"say" AND """hi"""'],
    ['x\0y', '"x" AND "y"'],
    ['text:secret', '"text:secret"'],
  ])('of %j is %s', (text, expression) => {
    expect(matchExpression(text)).toBe(expression);
  });

  it.each(['', '   ', '*', '"', '- + ^ ( ) : {}', '\0', '***'])(
    'refuses %j: there is no word in it',
    (text) => {
      expect(codeOf(() => matchExpression(text))).toBe('INVALID_SEARCH');
    },
  );

  it('refuses more words than it can be asked for', () => {
    expect(codeOf(() => matchExpression('word '.repeat(65)))).toBe('INVALID_SEARCH');
  });
});
