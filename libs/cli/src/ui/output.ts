/** What a command says: results on standard output, everything else on standard error. */
export interface Output {
  /** A line of the result. */
  line(text?: string): void;
  /** The result as JSON, for programs. */
  json(value: unknown): void;
  /** Chatter for a person: never part of the result. */
  note(text: string): void;
  /** Rows under headings, columns aligned. */
  table(headings: readonly string[], rows: readonly (readonly string[])[]): void;
}

/** A reader that has seen enough, such as `head`, is no fault. */
export function bearClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

export const terminal: Output = {
  line: (text = '') => process.stdout.write(`${text}\n`),
  json: (value) => process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`),
  note: (text) => process.stderr.write(`${text}\n`),
  table: (headings, rows) => process.stdout.write(`${formatTable(headings, rows)}\n`),
};

/** Pure: the table's text. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const format = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [headings, ...rows].map(format).join('\n');
}
