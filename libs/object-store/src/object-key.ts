import { EntError, type Branded } from '@entdb/base';

/** A name that means the same object in every adapter: on S3, and as a path below a directory. */
export type ObjectKey = Branded<string, 'ObjectKey'>;

const keyBytesMax = 1024;
const partBytesMax = 255;

/** Control characters, the backslash, and what XML listings cannot carry. */
const unfitCharacter = /[\p{Cc}\\\uFFFE\uFFFF]/u;

/**
 * Refuses what is not a plain relative path; never repairs it (two repaired keys could meet in one object). No part is empty or begins with a dot, which
 * rules out `..` and hidden files at once.
 */
export function parseObjectKey(text: string): ObjectKey {
  const fault = keyFault(text);
  if (fault === undefined) return text as ObjectKey; // checked just now
  throw invalid('object key', text, fault);
}

/** The beginning of a key: any number of whole parts, and perhaps the beginning of one more. */
export function parseKeyPrefix(text: string): string {
  const whole = text.slice(0, text.lastIndexOf('/') + 1);
  const rest = text.slice(whole.length);
  const fault =
    (whole === '' ? undefined : keyFault(whole.slice(0, -1))) ??
    (rest === '' ? undefined : keyFault(rest));
  if (fault === undefined) return text;
  throw invalid('prefix', text, fault);
}

/** A prefix that is empty or ends with `/`. */
export function parseFolder(text: string): string {
  if (text === '' || text.endsWith('/')) return parseKeyPrefix(text);
  throw invalid('folder', text, 'it must end with /');
}

function keyFault(text: string): string | undefined {
  if (!text.isWellFormed()) return 'it is not well-formed text';
  if (Buffer.byteLength(text) > keyBytesMax) return `it is longer than ${keyBytesMax} bytes`;
  if (unfitCharacter.test(text)) return 'it has a control character or a backslash';
  for (const part of text.split('/')) {
    if (part === '') return 'it has an empty part';
    if (part.startsWith('.')) return 'a part begins with a dot';
    if (Buffer.byteLength(part) > partBytesMax)
      return `a part is longer than ${partBytesMax} bytes`;
  }
  return undefined;
}

function invalid(what: string, text: string, fault: string): EntError {
  return new EntError(
    'INVALID_OBJECT_KEY',
    `${what} ${JSON.stringify(text.slice(0, 200))} is not valid: ${fault}`,
    { field: 'key' },
  );
}

/** The order of the keys' UTF-8 bytes, which is that of S3. It differs from `<` for what UTF-16 writes as a pair of surrogates. */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index += 1) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
