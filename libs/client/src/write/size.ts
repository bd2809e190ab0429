/**
 * At most how many bytes a message takes on the wire, roughly and without encoding it. Large transactions travel by
 * themselves: on the stream one that is over the server's limit would take down all the others with it, again and again.
 */
const bytesPerPart = 16; // tag, length, number
const bytesPerUnit = 3; // UTF-8 of a UTF-16 code unit

export function wireBytesMax(part: unknown): number {
  if (typeof part === 'string') return bytesPerPart + part.length * bytesPerUnit;
  if (part instanceof Uint8Array) return bytesPerPart + part.length;
  if (typeof part !== 'object' || part === null) return bytesPerPart;
  let bytes = bytesPerPart;
  for (const key in part) {
    // Only own, enumerable properties stand on a message.
    if (key !== '$typeName') bytes += wireBytesMax((part as Record<string, unknown>)[key]);
  }
  return bytes;
}
