import { errorCodes, type ErrorCode } from '@entdb/base';
import { table } from './table.ts';

const codes = Object.keys(errorCodes) as ErrorCode[]; // the keys of that very object

export function errorsPage(): string {
  const byStatus = Map.groupBy(codes, (name) => errorCodes[name].status);
  const list = (names: readonly ErrorCode[], retriable: boolean) =>
    names
      .filter((name) => errorCodes[name].retriable === retriable)
      .map((name) => `[${name}](../errors/${name}.md)`)
      .join(', ');
  const rows = [...byStatus].map(([status, names]) => [
    `\`${status}\``,
    list(names, true),
    list(names, false),
  ]);
  return `# Errors by status

An error has one of ${codes.length} codes. It travels as \`entdb.v1.ErrorDetail\` in the details of a gRPC or Connect error, whose status is one of those below (gRPC
writes them in capitals). [The list with meanings](../errors/README.md) has a page for each; \`entdb explain CODE\` prints it.

*Retry* means: the same request with the same idempotency key may succeed later. The SDK does so by itself.

${table(['status', 'retry', 'do not retry'], rows)}`;
}
