/**
 * Debian's package index, read as the Debian Policy Manual describes it (chapters 5 and 7): stanzas of `Name: value` lines, where a line that begins
 * with a blank goes on with the field before. Pure.
 */

/** One stanza's fields by their names in lower case. */
export type Stanza = ReadonlyMap<string, string>;

export async function* readStanzas(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Stanza> {
  let stanza = new Map<string, string>();
  let last = '';
  for await (const line of lines) {
    if (line === '') {
      if (stanza.size > 0) yield stanza;
      stanza = new Map();
      continue;
    }
    if (line.startsWith(' ') || line.startsWith('\t')) {
      stanza.set(last, `${stanza.get(last) ?? ''}\n${line.slice(1)}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 1)
      throw new Error(`not a field of a control file: ${JSON.stringify(line.slice(0, 80))}`);
    last = line.slice(0, colon).toLowerCase();
    stanza.set(last, line.slice(colon + 1).trim());
  }
  if (stanza.size > 0) yield stanza;
}

export type Relation = 'depends' | 'pre-depends';

/** One package that would satisfy a dependency. */
export interface Dependency {
  readonly relation: Relation;
  /** The place of the dependency in its field; alternatives of one dependency share it. */
  readonly group: number;
  /** 0 for the preferred alternative. */
  readonly alternative: number;
  readonly target: string;
  /** `any` of `python3:any`, where given. */
  readonly architecture: string | undefined;
  /** `>= 2.34`, where given. */
  readonly constraint: string | undefined;
}

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly section: string;
  readonly priority: string | undefined;
  readonly architecture: string;
  readonly maintainer: string;
  /** KiB on disk. */
  readonly installedSize: bigint | undefined;
  /** Bytes of the archive file. */
  readonly size: bigint | undefined;
  readonly homepage: string | undefined;
  readonly description: string;
  readonly sha256: string | undefined;
  readonly essential: boolean;
  readonly tags: readonly string[];
  readonly dependencies: readonly Dependency[];
}

const relations: readonly Relation[] = ['pre-depends', 'depends'];

export function parsePackage(stanza: Stanza): DebianPackage {
  const need = (field: string): string => {
    const value = stanza.get(field);
    if (value === undefined)
      throw new Error(`package ${stanza.get('package') ?? '(without name)'} has no field ${field}`);
    return value;
  };
  const number = (field: string): bigint | undefined => {
    const value = stanza.get(field);
    return value === undefined ? undefined : BigInt(value);
  };
  return {
    name: need('package'),
    version: need('version'),
    section: stanza.get('section') ?? 'unknown',
    priority: stanza.get('priority'),
    architecture: need('architecture'),
    maintainer: stanza.get('maintainer') ?? '',
    installedSize: number('installed-size'),
    size: number('size'),
    homepage: stanza.get('homepage'),
    description: stanza.get('description') ?? '',
    sha256: stanza.get('sha256'),
    essential: stanza.get('essential') === 'yes',
    tags: (stanza.get('tag') ?? '').split(/[,\s]+/).filter((tag) => tag !== ''),
    dependencies: relations.flatMap((relation) =>
      parseDependencies(relation, stanza.get(relation) ?? ''),
    ),
  };
}

const dependency =
  /^(?<target>[a-z0-9][a-z0-9+.-]*)(?::(?<architecture>[a-z0-9-]+))?\s*(?:\(\s*(?<constraint>[^)]+?)\s*\))?\s*(?:\[[^\]]*\])?$/i;

/** `libc6 (>= 2.34), default-mta | mail-transport-agent` */
export function parseDependencies(relation: Relation, text: string): readonly Dependency[] {
  const groups = text
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '');
  return groups.flatMap((group, index) =>
    group.split('|').map((part, alternative): Dependency => {
      const found = dependency.exec(part.trim())?.groups;
      if (!found?.['target']) throw new Error(`not a dependency: ${JSON.stringify(part)}`);
      return {
        relation,
        group: index,
        alternative,
        target: found['target'],
        architecture: found['architecture'],
        constraint: found['constraint'],
      };
    }),
  );
}
