import { valueOf, type Fields, type Filter, type FilterList, type Value } from '@entdb/contracts';
import type { Aliases } from './aliases.ts';
import { refuseUnknown } from './unknown-parts.ts';

/** The fields themselves where no alias is in them. */
export function resolveFields(fields: Fields, aliases: Aliases, path: string): Fields {
  let resolved: Fields | undefined;
  for (const key in fields) {
    const value = fields[key]!;
    const replaced = resolveValue(value, aliases, () => `${path}[${key}]`);
    if (replaced === value) continue;
    resolved ??= { ...fields };
    resolved[Number(key)] = replaced;
  }
  return resolved ?? fields;
}

function resolveValue(value: Value, aliases: Aliases, path: () => string): Value {
  const { kind } = value;
  if (kind.case !== 'list') return resolveOne(value, aliases, path);
  refuseUnknown(value, path);
  refuseUnknown(kind.value, path);
  const values = kind.value.values.map((item, i) =>
    resolveOne(item, aliases, () => `${path()}[${i}]`),
  );
  if (values.every((item, i) => item === kind.value.values[i])) return value;
  return valueOf({ case: 'list', value: { ...kind.value, values } });
}

/** A list in a list is left as it is: the check of values refuses it. */
function resolveOne(value: Value, aliases: Aliases, path: () => string): Value {
  refuseUnknown(value, path);
  const { kind } = value;
  if (kind.case !== 'ref' || !kind.value.startsWith('$')) return value;
  return valueOf({ case: 'ref', value: aliases.idOf(kind.value, path()) });
}

/** What is deeper is left as it is: the check of filters refuses it. */
const filterDepthMax = 32;

export function resolveFilter(filter: Filter, aliases: Aliases, path: string, depth = 0): Filter {
  if (depth > filterDepthMax) return filter;
  const { expression } = filter;
  refuseUnknown(filter, () => path);
  if (expression.case === undefined) return filter;
  refuseUnknown(expression.value, () => `${path}.${expression.case}`);
  switch (expression.case) {
    case 'compare': {
      const values = expression.value.values.map((value, i) =>
        resolveValue(value, aliases, () => `${path}.compare.values[${i}]`),
      );
      return { ...filter, expression: { case: 'compare', value: { ...expression.value, values } } };
    }
    case 'and':
    case 'or': {
      const at = `${path}.${expression.case}`;
      const value = resolveFilters(expression.value, aliases, at, depth + 1);
      return { ...filter, expression: { case: expression.case, value } };
    }
    case 'not': {
      const value = resolveFilter(expression.value, aliases, `${path}.not`, depth + 1);
      return { ...filter, expression: { case: 'not', value } };
    }
  }
}

function resolveFilters(
  list: FilterList,
  aliases: Aliases,
  path: string,
  depth: number,
): FilterList {
  const filters = list.filters.map((child, i) =>
    resolveFilter(child, aliases, `${path}[${i}]`, depth),
  );
  return { ...list, filters };
}
