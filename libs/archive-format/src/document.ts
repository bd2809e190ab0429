import { createHash } from 'node:crypto';

/**
 * The form of the two small JSON objects (checksum and manifest): two spaces of indentation, a fixed order of keys, a line feed at
 * the end, and as last key `check`, the SHA-256 of the object without it in compact JSON. One content has one text, so every byte of it
 * counts; and a change of a field that nothing else would contradict (a topic, a time) is seen in the object alone.
 */
export const documentFormat = 1;
/** No object of this kind comes near it; a reader needs not fetch more. */
export const documentBytesMax = 64 * 1024;

type Json = Readonly<Record<string, unknown>>;

export type OpenedDocument =
  | { readonly kind: 'fields'; readonly fields: Json }
  | { readonly kind: 'corrupt'; readonly reason: string }
  | { readonly kind: 'unknown-format'; readonly format: number };

export function sealDocument(fields: Json): string {
  const sealed = { format: documentFormat, ...fields };
  return `${JSON.stringify({ ...sealed, check: checkOf(sealed) }, null, 2)}\n`;
}

/** The fields but format and check. Values are for the caller to judge, and so is the order of keys: seal them again and compare. */
export function openDocument(bytes: Uint8Array): OpenedDocument {
  const corrupt = (reason: string) => ({ kind: 'corrupt', reason }) as const;
  if (bytes.byteLength > documentBytesMax) return corrupt(`it has ${bytes.byteLength} bytes`);
  const json = parseObject(bytes);
  if (!json) return corrupt('it is no JSON object in UTF-8');
  const { check, ...sealed } = json;
  const { format, ...fields } = sealed;
  if (typeof format !== 'number') return corrupt('it names no format');
  if (format !== documentFormat) {
    // With this version's check under another number, the number is what was damaged.
    return check === checkOf({ ...sealed, format: documentFormat })
      ? corrupt('the number of its format was changed')
      : { kind: 'unknown-format', format };
  }
  if (check !== checkOf(sealed)) return corrupt('it does not match its own check');
  return { kind: 'fields', fields };
}

function checkOf(sealed: Json): string {
  return createHash('sha256').update(JSON.stringify(sealed)).digest('hex');
}

function parseObject(bytes: Uint8Array): Json | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined; // not UTF-8, or not JSON: the caller says so, with the object's name
  }
}

export function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

export const isText = (json: unknown): json is string =>
  typeof json === 'string' && json !== '' && json.isWellFormed();

export const isCount = (json: unknown): json is number =>
  Number.isSafeInteger(json) && (json as number) >= 0 && !Object.is(json, -0);

export const isSha256 = (json: unknown): json is string =>
  typeof json === 'string' && /^[0-9a-f]{64}$/.test(json);
