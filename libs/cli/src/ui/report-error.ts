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
  const { tenantId, position, field, hint, cause } = error.facts;
  const where = [
    tenantId && `tenant ${tenantId}`,
    position && `${position.topic}/${position.partition}/${position.offset}`,
    field && `at ${field}`,
  ].filter(Boolean);
  if (where.length > 0) output.note(`  Where: ${where.join(', ')}`);
  if (cause instanceof Error) output.note(`  Why: ${cause.message}`);
  output.note(`  Try: ${hint ?? `entdb explain ${error.code}`}`);
  return exitCodes.failed;
}
