import type { DestinationStream } from 'pino';

const hidden = new Set(['level', 'time', 'instance', 'service', 'message']);

/** Turns each JSON line into `12:00:00.000 warn  gateway message key=value`; what is not a line of ours passes as it is. */
export function prettyStream(sink: DestinationStream): DestinationStream {
  return { write: (line) => sink.write(`${prettyLine(line.trimEnd())}\n`) };
}

export function prettyLine(line: string): string {
  const entry: unknown = JSON.parse(line);
  if (typeof entry !== 'object' || entry === null) return line;
  const { level, time, service, message } = entry as Record<string, unknown>;
  const facts = Object.entries(entry)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  const clock = String(time).slice(11, 23);
  return [clock, String(level).padEnd(5), String(service), String(message), ...facts].join(' ');
}

function shown(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  // An error's stack is what a person wants, on lines of its own.
  if (typeof value === 'object' && value !== null && 'stack' in value)
    return `\n${String(value.stack)}`;
  return JSON.stringify(value);
}
