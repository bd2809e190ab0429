/**
 * Kinds of settings. A setting is a document: its variable, default, unit, one sentence, an example, and the rule that its
 * text must keep. A kind turns text into a value or says no; the rule is the sentence shown to the person who wrote the text.
 */

/** What every setting says about itself. */
export interface SettingText {
  readonly env: `ENTDB_${string}`;
  readonly sentence: string;
  readonly example: string;
  /** A secret's value is never shown: not in faults, not in documentation. */
  readonly secret?: boolean;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

export interface Setting<T> extends SettingText {
  readonly rule: string;
  readonly unit: string;
  readonly parse: (raw: string) => Parsed<T>;
  /** What stands when the variable is absent or empty. A setting without one is required. */
  readonly fallback: { readonly value: T; readonly shown: string } | undefined;
}

/** `default` is written as a person would write it in the environment; `optional` makes absence a value of its own. */
type With = SettingText & { readonly default: string };
type Required = SettingText & { readonly default?: undefined; readonly optional?: undefined };
type Optional = SettingText & { readonly default?: undefined; readonly optional: true };
export type Options = With | Required | Optional;
type Value<T, O extends Options> = O extends Optional ? T | undefined : T;

const no = { ok: false } as const;
const yes = <T>(value: T): Parsed<T> => ({ ok: true, value });

function make<T, O extends Options>(
  options: O,
  kind: {
    readonly rule: string;
    readonly unit: string;
    readonly parse: (raw: string) => Parsed<T>;
  },
): Setting<Value<T, O>> {
  const { default: written, optional, ...words } = { optional: undefined, ...options };
  return {
    ...words,
    ...kind,
    fallback: fallbackOf<T, O>(words.env, written, optional === true, kind.parse),
  };
}

function fallbackOf<T, O extends Options>(
  env: string,
  written: string | undefined,
  optional: boolean,
  parse: (raw: string) => Parsed<T>,
): Setting<Value<T, O>>['fallback'] {
  // Only an optional setting reaches the first branch, and for it undefined is a value of the type.
  if (optional) return { value: undefined as Value<T, O>, shown: '' };
  if (written === undefined) return undefined;
  const parsed = parse(written);
  if (!parsed.ok) throw new TypeError(`the default of ${env} breaks its own rule: ${written}`);
  return { value: parsed.value as Value<T, O>, shown: written };
}

/** Any text, or text that matches a pattern. */
export const text = <O extends Options>(
  options: O & { readonly pattern?: RegExp; readonly rule?: string },
) => {
  const { pattern, rule, ...rest } = options as Options & { pattern?: RegExp; rule?: string };
  return make<string, O>(rest as unknown as O, {
    rule: rule ?? 'any text',
    unit: '',
    parse: (raw) => (pattern && !pattern.test(raw) ? no : yes(raw)),
  });
};

/** Exactly `true` or `false`: `yes`, `1` and `TRUE` are refused, so that nobody turns on by accident what they meant to turn off. */
export const boolean = <O extends Options>(options: O) =>
  make<boolean, O>(options, {
    rule: 'true or false',
    unit: '',
    parse: (raw) => (raw === 'true' ? yes(true) : raw === 'false' ? yes(false) : no),
  });

export const oneOf = <const T extends string, O extends Options>(
  values: readonly T[],
  options: O,
) =>
  make<T, O>(options, {
    rule: `one of ${values.join(', ')}`,
    unit: '',
    parse: (raw) => {
      const found = values.find((value) => value === raw);
      return found === undefined ? no : yes(found);
    },
  });

/** A variable that exists because the outside world names it, and takes one value only. */
export const constant = <const T extends string, O extends Options>(
  value: T,
  why: string,
  options: O,
) =>
  make<T, O>(options, {
    rule: `only ${value}: ${why}`,
    unit: '',
    parse: (raw) => (raw === value ? yes(value) : no),
  });

export const integer = <O extends Options>(
  range: { readonly min: number; readonly max: number; readonly unit?: string },
  options: O,
) =>
  make<number, O>(options, {
    rule: `a whole number from ${range.min} to ${range.max}`,
    unit: range.unit ?? '',
    parse: (raw) => {
      if (!/^-?\d{1,15}$/.test(raw)) return no;
      const value = Number(raw);
      return value >= range.min && value <= range.max ? yes(value) : no;
    },
  });

/** A TCP port; 0 lets the operating system choose. */
export const port = <O extends Options>(options: O) => integer({ min: 0, max: 65_535 }, options);

const msPer = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A span of time with its unit, such as 250ms or 7d. The value is in milliseconds. */
export const duration = <O extends Options>(
  range: { readonly minMs?: number; readonly maxMs?: number },
  options: O,
) => {
  // A longer wait than this overflows Node's timers, which then fire at once.
  const { minMs = 0, maxMs = 2 ** 31 - 1 } = range;
  return make<number, O>(options, {
    rule: `a time with its unit (ms, s, m, h, d), from ${minMs}ms to ${maxMs}ms`,
    unit: 'time',
    parse: (raw) => {
      const parts = /^(\d{1,12})(ms|s|m|h|d)$/.exec(raw);
      if (!parts) return no;
      const ms = Number(parts[1]) * msPer[parts[2] as keyof typeof msPer];
      return ms >= minMs && ms <= maxMs ? yes(ms) : no;
    },
  });
};

const bytesPer = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** A size with its unit, such as 4MiB. The value is in bytes. */
export const byteSize = <O extends Options>(
  range: { readonly min?: number; readonly max?: number },
  options: O,
) => {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
  return make<number, O>(options, {
    rule: `a size with its unit (B, KiB, MiB, GiB), from ${min}B to ${max}B`,
    unit: 'bytes',
    parse: (raw) => {
      const parts = /^(\d{1,12})(B|KiB|MiB|GiB)$/.exec(raw);
      if (!parts) return no;
      const bytes = Number(parts[1]) * bytesPer[parts[2] as keyof typeof bytesPer];
      return bytes >= min && bytes <= max ? yes(bytes) : no;
    },
  });
};

/**
 * Addresses with commas between, such as kafka-0:9092,kafka-1:9092. An IPv6 literal is refused: the Kafka client splits
 * addresses at the first colon and would silently dial another host.
 */
export const hostPorts = <O extends Options>(options: O) =>
  make<readonly string[], O>(options, {
    rule: 'host:port, with commas between them (no IPv6 literal)',
    unit: '',
    parse: (raw) => {
      const hosts = raw.split(',').map((host) => host.trim());
      const valid = (host: string) => {
        const parts = /^[A-Za-z0-9._-]+:(\d{1,5})$/.exec(host);
        return parts !== null && Number(parts[1]) >= 1 && Number(parts[1]) <= 65_535;
      };
      return hosts.every(valid) ? yes(Object.freeze(hosts)) : no;
    },
  });
