/**
 * Structured logs: one JSON object a line, a fixed message, facts in fields. Writes are synchronous, so that the last line
 * before a crash is on its way.
 */
import { EntError, type Logger } from '@entdb/base';
import { destination, pino, stdSerializers, type DestinationStream } from 'pino';
import { prettyStream } from './pretty.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  readonly service: string;
  readonly instance: string;
  readonly level?: LogLevel;
  /** Short lines for a person instead of JSON for machines. */
  readonly pretty?: boolean;
  /** Where lines go: standard output unless given. */
  readonly write?: (line: string) => void;
}

export function createLogger(options: LoggerOptions): Logger {
  const { service, instance, level = 'info', pretty = false, write } = options;
  const sink: DestinationStream = write ? { write } : destination({ dest: 1, sync: true });
  return pino(
    {
      level,
      base: { service, instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
      serializers: { err: errorFields, error: errorFields },
    },
    pretty ? prettyStream(sink) : sink,
  );
}

/** An error with its cause and, for one of ours, its code and facts. Anything else that was thrown is left as it is. */
function errorFields(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  if (!(thrown instanceof EntError)) return stdSerializers.err(thrown);
  const { cause, ...facts } = thrown.facts;
  return {
    type: thrown.name,
    code: thrown.code,
    message: thrown.message,
    ...facts,
    stack: thrown.stack,
    ...(cause === undefined ? {} : { cause: errorFields(cause) }),
  };
}
