import { readFileSync } from 'node:fs';
import { EntError, errorCodes } from '@entdb/base';
import type { Output } from '../ui/output.ts';

const pages = new URL('../../../../docs/errors/', import.meta.url);

/** The page of an error code, offline. */
export function explain(code: string, output: Output): void {
  const name = code.toUpperCase();
  if (!Object.hasOwn(errorCodes, name)) {
    const near = Object.keys(errorCodes).filter(
      (known) => known.includes(name) || name.includes(known),
    );
    throw new EntError('NOT_FOUND', `there is no error code ${code}`, {
      hint:
        near.length > 0
          ? `did you mean ${near.join(', ')}?`
          : 'entdb explain --list prints all of them',
    });
  }
  output.line(readFileSync(new URL(`${name}.md`, pages), 'utf8').trimEnd());
}

/** All codes, each with its meaning. */
export function listCodes(output: Output): void {
  output.table(
    ['CODE', 'MEANING'],
    Object.entries(errorCodes).map(([code, { meaning }]) => [code, meaning]),
  );
}
