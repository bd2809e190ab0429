import { EntError } from './errors.ts';
import { assertNever, invariant, InvariantError } from './invariant.ts';

describe('a broken promise of the code', () => {
  it.each([false, 0, '', null, undefined, Number.NaN])('is thrown for %p', (condition) => {
    expect(() => invariant(condition, 'offsets rise')).toThrow(new InvariantError('offsets rise'));
  });

  it('is not thrown for a promise that holds', () => {
    expect(() => invariant(1, 'never seen')).not.toThrow();
  });

  it('is no operating failure: nobody may answer it with a retry', () => {
    expect(new InvariantError('x')).not.toBeInstanceOf(EntError);
  });

  it('names the member of a union that no one handled', () => {
    expect(() => assertNever({ kind: 'new' } as never)).toThrow('not handled: {"kind":"new"}');
  });
});
