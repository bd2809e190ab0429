import { EntError } from '@entdb/base';

/**
 * Protobuf carries fields that a program does not know along, and would write them into the record: the tenant's next reader would
 * fail closed on it and stand still. Dropping them would do something else than what was asked. So they are refused here.
 *
 * Throws INVALID_ARGUMENT with the path of the message that has them.
 */
export function refuseUnknownParts(message: object, path = ''): void {
  const found = unknownPart(message);
  if (found === undefined) return;
  const field = [path, ...found]
    .filter((part) => part !== '')
    .join('.')
    .replaceAll('.[', '[');
  throw new EntError(
    'INVALID_ARGUMENT',
    `${field || 'the request'}: it has a field that this server does not know`,
    {
      ...(field && { field }),
      hint: 'upgrade the server, or use a client of its version',
    },
  );
}

/** Far more than any filter may nest, and far less than the stack holds. */
const depthMax = 200;

/** The way to the first message with unknown fields. A oneof's own name is no part of it, its member's is. */
function unknownPart(holder: object, depth = 0): readonly string[] | undefined {
  if (depth > depthMax) throw new EntError('INVALID_ARGUMENT', 'the request nests too deep');
  for (const [name, value] of Object.entries(holder) as [string, unknown][]) {
    if (name === '$unknown') return [];
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    const rest = unknownPart(value, depth + 1);
    if (rest) return 'case' in value ? rest : [stepOf(holder, name), ...rest];
  }
  return undefined;
}

function stepOf(holder: object, name: string): string {
  if ('case' in holder && name === 'value') return snake(String(holder.case));
  return /^\d+$/.test(name) ? `[${name}]` : snake(name);
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
