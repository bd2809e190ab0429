import { EntError } from '@entdb/base';

const wordsMax = 64;

/** What the tokenizer makes tokens of; a word without any would match nothing. */
const token = /[\p{L}\p{N}\p{Co}]/u;

/**
 * The FTS5 expression for a search text: its words, all of which must occur, each quoted, so that nothing in it is an operator. Only a "*"
 * at the end of the last word has a meaning: the word is a prefix. Throws INVALID_SEARCH where there is no word.
 */
export function matchExpression(text: string): string {
  // FTS5 takes NUL for the end of the expression, so it separates words here.
  const pieces = text.split(/[\s\0]+/u).filter((piece) => piece !== '');
  const last = pieces.at(-1);
  const words = pieces.filter((piece) => token.test(piece));
  if (words.length === 0) throw invalid('there is no word in it', 'search for letters or digits');
  if (words.length > wordsMax)
    throw invalid(`it has more than ${wordsMax} words`, 'search for fewer words');
  const isPrefix = last !== undefined && last === words.at(-1) && last.endsWith('*');
  const quoted = words.map((word) => `"${word.replaceAll('"', '""')}"`);
  return `${quoted.join(' AND ')}${isPrefix ? '*' : ''}`;
}

function invalid(problem: string, hint: string): EntError {
  return new EntError('INVALID_SEARCH', `text: ${problem}`, { field: 'text', hint });
}
