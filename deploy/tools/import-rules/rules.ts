import {
  isTestCode,
  isTool,
  packageOf,
  type Power,
  type SourceModule,
  type Target,
} from './module.ts';

/** A rule as data: what it is called, what to do instead, and what in a module breaks it. */
export interface Rule {
  readonly name: string;
  readonly advice: string;
  readonly breaches: (module: SourceModule) => readonly Breach[];
}

export interface Breach {
  readonly line: number;
  readonly what: string;
}

/** Imports point downwards, from a higher number to a lower one. A package that is not here is a fault. */
const LAYERS: Readonly<Record<string, number>> = {
  'libs/base': 0,
  'libs/contracts': 1,
  'libs/threads': 1,
  'libs/wal': 2,
  'libs/object-store': 2,
  'libs/tenant-store': 2,
  'libs/archive-format': 2,
  'libs/config': 2,
  'libs/telemetry': 2,
  'libs/snapshot': 3,
  'libs/service-kit': 3,
  'libs/fleet': 3,
  'libs/client': 4,
  'libs/restore': 4,
  'libs/cli': 5, // the command line is the client's first user
};

const layerOf = (home: string): number | undefined =>
  home.startsWith('services/') ? 5 : LAYERS[home];

/** Doors besides the front one: the suite of a port, and the local servers for tests that need them. */
const SIDE_DOORS: readonly string[] = ['conformance', 'grpc', 'kafka', 'local', 's3'];

/** A vendor package and the only places that may know it. */
const VENDORS: readonly (readonly [vendor: RegExp, homes: readonly string[]])[] = [
  [/^kafkajs$/, ['libs/wal/src/kafka/', 'deploy/kafka/', 'e2e/']],
  [/^better-sqlite3$/, ['libs/tenant-store/src/', 'libs/wal/src/embedded/', 'e2e/']],
  [/^@connectrpc\//, ['libs/service-kit/src/', 'libs/client/src/', 'deploy/', 'e2e/']],
  [/^@aws-sdk\//, ['libs/object-store/src/s3/', 'e2e/']],
  [/^(pino|prom-client)$/, ['libs/telemetry/src/']],
  [/^@opentelemetry\//, ['libs/telemetry/src/']],
  [/^commander$/, ['libs/cli/src/', 'e2e/', 'examples/', 'deploy/']],
  [/^oxc-parser$/, ['deploy/tools/']],
];

/** A power and who may use it. Tests and tools own their process; everything else is handed what it needs. */
const POWERS: Readonly<
  Record<Power, { readonly advice: string; readonly allowed: (path: string) => boolean }>
> = {
  env: {
    advice:
      'Take a parsed setting as an argument; only main.ts and libs/config read the environment.',
    allowed: (path) => path.endsWith('/main.ts') || path.startsWith('libs/config/src/'),
  },
  clock: {
    advice:
      'Take a Clock from @entdb/base as an argument; only libs/base/src/real.ts touches the real one.',
    allowed: (path) => path === 'libs/base/src/real.ts',
  },
  random: {
    advice:
      'Take an Rng from @entdb/base as an argument; only libs/base/src/real.ts touches the real one.',
    allowed: (path) => path === 'libs/base/src/real.ts',
  },
  console: {
    advice: 'Log through the Logger you were given; only libs/cli/src/ui speaks to a terminal.',
    allowed: (path) => path.startsWith('libs/cli/src/ui/'),
  },
};

/** The pages of docs/reference are made from the services' own declarations of settings and metrics; nobody else may read them. */
const readsServices = (from: string): boolean => from.startsWith('deploy/tools/docs/reference/');

const ships = (home: string): boolean =>
  (home.startsWith('libs/') && home !== 'libs/testkit') || home.startsWith('services/');

/** The package an import enters, or undefined for a vendor's. */
const entered = (target: Target): string | undefined => {
  if (target.kind === 'vendor') return undefined;
  return target.kind === 'workspace' ? target.package : packageOf(target.path);
};

/** A rule about single imports: `judge` says what is wrong with one, or nothing. */
const importRule = (
  name: string,
  advice: string,
  judge: (from: string, target: Target) => string | undefined,
): Rule => ({
  name,
  advice,
  breaches: ({ path, imports }) =>
    imports.flatMap(({ specifier, target, line }) => {
      const fault = judge(path, target);
      return fault === undefined ? [] : [{ line, what: `imports ${specifier}: ${fault}` }];
    }),
});

const powerRule = (power: Power): Rule => ({
  name: power,
  advice: POWERS[power].advice,
  breaches: ({ path, uses }) =>
    POWERS[power].allowed(path) || isTestCode(path) || isTool(path)
      ? []
      : uses
          .filter((use) => use.power === power)
          .map(({ text, line }) => ({ line, what: `uses ${text}` })),
});

export const RULES: readonly Rule[] = [
  importRule(
    'layers',
    'Imports point downwards: services, cli, client -> service-kit -> wal, tenant-store, config, telemetry -> contracts -> base. Take the type from a lower layer, or take the thing as an argument.',
    (from, target) => {
      const [home, other] = [packageOf(from), entered(target)];
      if (other === undefined || other === home || !ships(home)) return undefined;
      if (other === 'libs/testkit' || !other.startsWith('libs/')) return undefined; // rules below
      const [above, below] = [layerOf(home), layerOf(other)];
      if (above === undefined || below === undefined) return 'give both packages a layer';
      return above > below
        ? undefined
        : `${home} (layer ${above}) may not know ${other} (layer ${below})`;
    },
  ),
  importRule(
    'services',
    'Nobody imports a service, and no service imports tests or tools: they meet through proto/, the log and object names.',
    (from, target) => {
      const [home, other] = [packageOf(from), entered(target)];
      if (other === undefined || other === home) return undefined;
      if (other.startsWith('services/'))
        return readsServices(from) ? undefined : `${other} is nobody's dependency`;
      if (other === 'libs/testkit') return undefined; // the rule "test-code" speaks of it
      return ships(home) && !ships(other) && !isTestCode(from)
        ? `${other} does not ship`
        : undefined;
    },
  ),
  importRule(
    'front-door',
    'Import another package by its name (@entdb/wal); what its index.ts does not export is private.',
    (from, target) => {
      if (entered(target) === packageOf(from)) return undefined;
      if (target.kind === 'relative' && target.path.startsWith('services/') && readsServices(from))
        return undefined; // services have no door
      if (target.kind === 'relative') return `reaches into ${packageOf(target.path)} by path`;
      if (target.kind === 'workspace' && target.door !== '' && !SIDE_DOORS.includes(target.door))
        return `${target.door} is a room, not a door`;
      return undefined;
    },
  ),
  importRule(
    'vendors',
    'Use the port that wraps this package (Wal, TenantStore, the service kit); a vendor type must not leak past it.',
    (from, target) => {
      if (target.kind !== 'vendor') return undefined;
      const confined = VENDORS.find(([vendor]) => vendor.test(target.package));
      if (!confined || confined[1].some((home) => from.startsWith(home))) return undefined;
      return `only ${confined[1].join(', ')} may know it`;
    },
  ),
  importRule(
    'test-code',
    'testkit, conformance suites, testing folders and fast-check are for specs and e2e only.',
    (from, target) => {
      if (isTestCode(from)) return undefined;
      const test =
        target.kind === 'vendor' ? target.package === 'fast-check' : isTestCode(target.path);
      return test && entered(target) !== 'e2e' ? 'it never ships' : undefined;
    },
  ),
  powerRule('env'),
  powerRule('clock'),
  powerRule('random'),
  powerRule('console'),
];
