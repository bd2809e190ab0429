import { isEntError } from '@entdb/base';
import { parseCount, parseTarget, type TargetWords } from './target-words.ts';

it.each<[TargetWords, object]>([
  [{ latest: true }, { kind: 'latest' }],
  [{ time: '1970-01-01T01:00:01+01:00' }, { kind: 'time', timeMs: 1000, inclusive: true }],
  [
    { position: '0', exclusive: true },
    { kind: 'position', offset: 0, inclusive: false },
  ],
  [
    { sequence: '12', latest: false },
    { kind: 'sequence', sequence: 12, inclusive: true },
  ],
  [{ key: 'order-1' }, { kind: 'key', key: 'order-1', inclusive: true }],
])('reads %j', (words, target) => {
  expect(parseTarget(words)).toEqual(target);
});

it.each<[TargetWords]>([
  [{}],
  [{ exclusive: true }],
  [{ latest: true, exclusive: true }],
  [{ latest: true, position: '1' }],
  [{ time: '2026-01-15T14:30:00' }],
  [{ time: '2026-01-15' }],
  [{ time: '2026-02-30T00:00:00Z' }],
  [{ position: '-1' }],
  [{ position: '1.5' }],
  [{ position: '' }],
  [{ sequence: '0x10' }],
  [{ sequence: '9007199254740993' }],
])('refuses %j, with a hint', (words) => {
  try {
    parseTarget(words);
  } catch (error) {
    expect(isEntError(error, 'INVALID_TARGET') && error.facts.hint).toBeTruthy();
    return;
  }
  throw new Error('it was taken');
});

it('names the field of a number that is none', () => {
  const fieldOf = (): unknown => {
    try {
      return parseCount('from_position', 'twelve');
    } catch (error) {
      return isEntError(error) ? error.facts.field : error;
    }
  };
  expect(fieldOf()).toBe('from_position');
});
