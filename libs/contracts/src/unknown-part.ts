import type { DescEnum, DescField, DescMessage, DescOneof, MessageShape } from '@bufbuild/protobuf';

/**
 * Finds what a newer program has put into a message, at any depth: a field without a definition, an enum's number without a name, a oneof
 * with none of the members that are known. A record with such a part must not be applied: dropping it would make two programs
 * materialise two states of one log (P4).
 *
 * Made from the descriptors, so that a field added to proto/ is covered without a change here.
 */
export function unknownPart<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
): string | undefined {
  return finderOf(desc)(message);
}

/** The path of the first unknown part; undefined where all is known. */
type Find = (value: unknown) => string | undefined;
type Part = (message: Readonly<Record<string, unknown>>) => string | undefined;

const finders = new Map<DescMessage, Find>();

function finderOf(desc: DescMessage): Find {
  const made = finders.get(desc);
  if (made) return made;
  const parts: Part[] = [];
  const find: Find = (value) => {
    const message = value as Readonly<Record<string, unknown>>; // of `desc`
    if (message.$unknown !== undefined) return desc.name;
    for (const part of parts) {
      const path = part(message);
      if (path !== undefined) return path;
    }
    return undefined;
  };
  finders.set(desc, find); // before its parts: a filter holds filters
  for (const member of desc.members) {
    const part = member.kind === 'oneof' ? oneofPart(member) : fieldPart(member);
    if (part) parts.push(part);
  }
  return find;
}

function oneofPart({ name, localName, fields }: DescOneof): Part {
  const findIn = new Map(fields.map((field) => [field.localName, valueFinder(field)]));
  return (message) => {
    const chosen = message[localName] as { readonly case?: string; readonly value?: unknown };
    if (chosen.case === undefined) return name;
    return below(chosen.case, findIn.get(chosen.case)?.(chosen.value));
  };
}

function fieldPart(field: DescField): Part | undefined {
  const find = valueFinder(field);
  if (!find) return undefined; // a scalar has no parts
  return (message) => {
    const value = message[field.localName];
    return value === undefined ? undefined : below(field.name, find(value));
  };
}

function valueFinder(field: DescField): Find | undefined {
  const single = field.message ? finderOf(field.message) : field.enum && enumFinder(field.enum);
  if (single && field.fieldKind === 'list') return listFinder(single);
  if (single && field.fieldKind === 'map') return mapFinder(single);
  return single;
}

function listFinder(find: Find): Find {
  return (value) => {
    const items = value as readonly unknown[];
    for (let i = 0; i < items.length; i++) {
      const path = find(items[i]);
      if (path !== undefined) return below(`[${i}]`, path);
    }
    return undefined;
  };
}

function mapFinder(find: Find): Find {
  return (value) => {
    const entries = value as Readonly<Record<string, unknown>>;
    for (const key in entries) {
      const path = find(entries[key]);
      if (path !== undefined) return below(`[${key}]`, path);
    }
    return undefined;
  };
}

function enumFinder({ name, values }: DescEnum): Find {
  const known = new Set<unknown>(values.map((value) => value.number));
  return (value) => (known.has(value) ? undefined : name);
}

function below(step: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : `${step}.${path}`;
}
