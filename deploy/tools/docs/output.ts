/**
 * Compares printed lines with a document's. `<name>` is one changing word, `...` in a line any text,
 * a line of only `...` any number of lines. Returns undefined, or a sentence on the first difference.
 */
export function difference(expected: string, actual: string): string | undefined {
  const printed = linesOf(actual);
  const reached = match(linesOf(expected), printed);
  if (reached === undefined) return undefined;
  const [wanted, got] = reached;
  return `the document says "${wanted ?? 'nothing more'}" and it printed "${got ?? 'nothing more'}", in:\n${printed.join('\n')}`;
}

const linesOf = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd());

type Mismatch = readonly [wanted: string | undefined, got: string | undefined];

/** Ends because each call takes at least one line from one of the two. */
function match(expected: readonly string[], actual: readonly string[]): Mismatch | undefined {
  const [wanted, ...rest] = expected;
  if (wanted === undefined) return actual.length === 0 ? undefined : [undefined, actual[0]];
  if (wanted === '...') {
    const here = match(rest, actual);
    return here === undefined || actual.length === 0 ? here : match(expected, actual.slice(1));
  }
  const [got, ...others] = actual;
  return got !== undefined && patternOf(wanted).test(got) ? match(rest, others) : [wanted, got];
}

const patternOf = (line: string): RegExp =>
  new RegExp(
    `^${line
      .split(/(<[\w -]+>|\.\.\.)/)
      .map((part, index) =>
        index % 2 === 0 ? RegExp.escape(part) : part === '...' ? '.*' : '\\S+',
      )
      .join('')}$`,
  );
