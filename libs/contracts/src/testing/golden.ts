import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(__dirname, '../../testdata');

/**
 * A file that was written once and is a promise to the past: add files, never edit them. `text` is what the program makes today; it
 * is written only where there is no file yet, and then the test fails once, so that a new file is looked at and committed.
 */
export function golden(name: string, text: string): string {
  const path = join(folder, name);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  writeFileSync(path, text);
  throw new Error(`${name} was not there and has been written: look at it, commit it, run again`);
}

/** Bytes as lines of hexadecimal, 32 bytes each. */
export function toHexLines(bytes: Uint8Array): string {
  return `${
    Buffer.from(bytes)
      .toString('hex')
      .match(/.{1,64}/g)
      ?.join('\n') ?? ''
  }\n`;
}

export function fromHexLines(text: string): Buffer {
  return Buffer.from(text.replaceAll('\n', ''), 'hex');
}
