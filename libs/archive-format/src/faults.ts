import { EntError, type ErrorCode } from '@entdb/base';

/** Where in the object store something was found wrong. `line` counts from 1. */
export interface Place {
  readonly tenantId: string;
  readonly object: string;
  readonly line?: number;
}

type FormatCode = Extract<
  ErrorCode,
  'SEGMENT_CORRUPT' | 'SNAPSHOT_CORRUPT' | 'OBJECT_CORRUPT' | 'UNKNOWN_FORMAT'
>;

const hints: Readonly<Record<FormatCode, string>> = {
  SEGMENT_CORRUPT: 'bring back the object from another copy or version; run: entdb verify',
  SNAPSHOT_CORRUPT: 'restore from an earlier snapshot and the archive; run: entdb verify',
  OBJECT_CORRUPT: 'bring back the object from another copy or version; run: entdb verify',
  UNKNOWN_FORMAT: 'upgrade this program',
};

export function formatFault(
  code: FormatCode,
  { tenantId, object, line }: Place,
  what: string,
  cause?: unknown,
): EntError {
  const where = line === undefined ? object : `${object}, line ${line}`;
  return new EntError(code, `${where}: ${what}`, {
    tenantId,
    hint: hints[code],
    metadata: { object, ...(line !== undefined && { line: String(line) }) },
    ...(cause !== undefined && { cause }),
  });
}
