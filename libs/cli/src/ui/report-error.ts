import { EntError } from '@entdb/base';
import type { Output } from './output.ts';

/** Exit codes, as documented in the help text. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/** An error in up to four lines: code and what, where, why, and what to try. A fault of the program keeps its stack. */
export function reportError(error: unknown, output: Output): number {
  if (!(error instanceof EntError)) {
    output.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return exitCodes.failed;
  }
  output.note(`${error.code}: ${error.message}`);
  const { tenantId, position, field, hint, cause, metadata } = error.facts;
  const where = [
    tenantId && `tenant ${tenantId}`,
    metadata?.object && `object ${metadata.object}`,
    position && `${position.topic}/${position.partition}/${position.offset}`,
    field && `at ${field}`,
  ].filter(Boolean);
  if (where.length > 0) output.note(`  Where: ${where.join(', ')}`);
  if (cause instanceof Error) output.note(`  Why: ${cause.message}`);
  output.note(`  Try: ${hint ?? `entdb explain ${error.code}`}`);
  return exitCodes.failed;
}

/** The same for programs. */
export function errorJson(error: unknown): unknown {
  if (!(error instanceof EntError))
    return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
  const { tenantId, position, field, hint, cause, metadata } = error.facts;
  return {
    code: error.code,
    message: error.message,
    retriable: error.retriable,
    ...(tenantId !== undefined && { tenantId }),
    ...(metadata?.object !== undefined && { object: metadata.object }),
    ...(position !== undefined && { position }),
    ...(field !== undefined && { field }),
    hint: hint ?? `entdb explain ${error.code}`,
    ...(cause instanceof Error && { cause: cause.message }),
  };
}
