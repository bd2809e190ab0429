/** Why a process ended, as far as it said so: its last error in the log, or else its last line on standard error. */
export interface LastWords {
  heardLog(line: string): void;
  heardError(line: string): void;
  /** For a person, with the remedy if there is one. Empty when it said nothing. */
  toString(): string;
}

interface LogEntry {
  readonly level?: string;
  readonly message?: string;
  readonly err?: { readonly code?: string; readonly message?: string; readonly hint?: string };
}

export function createLastWords(): LastWords {
  let logged = '';
  let cried = '';
  return {
    heardLog(line) {
      const entry = parse(line);
      if (entry?.level !== 'error') return;
      const { code, message, hint } = entry.err ?? {};
      const what = [code, message ?? entry.message].filter(Boolean).join(': ');
      logged = hint ? `${what}\n  Try: ${hint}` : what;
    },
    heardError(line) {
      if (line.trim() !== '') cried = line.trim();
    },
    toString: () => logged || cried,
  };
}

function parse(line: string): LogEntry | undefined {
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return undefined; // not a line of the log
  }
}
