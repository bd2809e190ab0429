/**
 * Settings as a document. A process parses its environment once, at the door, into a frozen object; every fault is reported
 * in the same breath, each with the value seen, the rule and an example, so that nobody mends one only to meet the next.
 */
import { EntError } from '@entdb/base';
import type { Setting } from './kinds.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** A group of settings whose values' types are not known here. */
export type AnySettings = Readonly<Record<string, Setting<unknown>>>;

/** A rule between settings: returns what is wrong, or nothing. */
type Check<S extends AnySettings> = (values: ValuesOf<S>) => string | undefined;

export interface SettingsSpec<S extends AnySettings = AnySettings> {
  readonly settings: S;
  readonly checks: readonly Check<S>[];
}

/** Any specification, for who reads the settings and not the values. */
type Group = Pick<SettingsSpec, 'settings'>;

type ValuesOf<S extends AnySettings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** The object that a specification parses to. */
export type SettingsOf<Spec> = Spec extends SettingsSpec<infer S> ? ValuesOf<S> : never;

export function defineSettings<S extends AnySettings>(
  settings: S,
  ...checks: Check<S>[]
): SettingsSpec<S> {
  return Object.freeze({ settings: Object.freeze(settings), checks: Object.freeze(checks) });
}

/** The settings of both, as of one. A variable that two groups claim under different names is a fault of the program. */
export function combineSettings<A extends AnySettings, B extends AnySettings>(
  one: SettingsSpec<A>,
  other: SettingsSpec<B>,
): SettingsSpec<A & B> {
  const settings: A & B = { ...one.settings, ...other.settings };
  const names = Object.values(settings).map((setting) => setting.env);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`two settings read ${twice}`);
  // A check reads only the values of its own group, all of which the union has.
  const checks = [...one.checks, ...other.checks] as unknown as readonly Check<A & B>[];
  return Object.freeze({ settings: Object.freeze(settings), checks: Object.freeze(checks) });
}

/**
 * Pure: the environment as a frozen, typed object. An empty variable counts as absent, because that is how templates leave
 * a value out. Throws one INVALID_SETTING that lists every fault.
 */
export function parseSettings<S extends AnySettings>(spec: SettingsSpec<S>, env: Env): ValuesOf<S> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(spec.settings)) {
    const raw = env[setting.env] ?? '';
    if (raw === '') {
      if (setting.fallback) values[name] = setting.fallback.value;
      else
        faults.push(
          `${setting.env} is not set; it must be ${setting.rule}, for example ${setting.env}=${setting.example}`,
        );
      continue;
    }
    const parsed = setting.parse(raw);
    if (parsed.ok) values[name] = parsed.value;
    else {
      const seen = setting.secret === true ? 'a secret' : JSON.stringify(raw);
      faults.push(
        `${setting.env} is ${seen}; it must be ${setting.rule}, for example ${setting.env}=${setting.example}`,
      );
    }
  }
  // Checks between settings read whole objects: they wait until each setting is right by itself.
  const whole = Object.freeze(values) as ValuesOf<S>;
  if (faults.length === 0) {
    for (const check of spec.checks) {
      const fault = check(whole);
      if (fault !== undefined) faults.push(fault);
    }
  }
  if (faults.length === 0) return whole;
  const count = faults.length === 1 ? 'a setting is' : `${faults.length} settings are`;
  throw new EntError('INVALID_SETTING', [`${count} not valid:`, ...faults].join('\n  '), {
    hint: 'set the variables as the lines say and start again',
  });
}

/** Variables of ours that none of the specifications know: most likely a typing error. To be logged as a warning. */
export function unknownSettings(specs: readonly Group[], env: Env): readonly string[] {
  const known = new Set<string>(
    specs.flatMap((spec) => Object.values(spec.settings).map((setting) => setting.env)),
  );
  return Object.keys(env)
    .filter((name) => name.startsWith('ENTDB_') && !known.has(name))
    .toSorted();
}

/** One row of the generated documentation page. */
export interface SettingRow {
  readonly env: string;
  readonly default: string;
  readonly required: boolean;
  readonly unit: string;
  readonly rule: string;
  readonly sentence: string;
  readonly example: string;
  readonly secret: boolean;
}

export function describeSettings(spec: Group): readonly SettingRow[] {
  return Object.values(spec.settings).map((setting) => ({
    env: setting.env,
    default: setting.fallback?.shown ?? '',
    required: setting.fallback === undefined,
    unit: setting.unit,
    rule: setting.rule,
    sentence: setting.sentence,
    example: setting.secret === true ? '***' : setting.example,
    secret: setting.secret === true,
  }));
}
