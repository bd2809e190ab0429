import { assertNever, EntError } from '@entdb/base';
import {
  Operator,
  type AnyValue,
  type Comparison,
  type Fields,
  type Filter,
} from '@entdb/contracts';
import { compareValues, valuesEqual } from './values.ts';

/**
 * Two-valued logic, judged on the fields of one row, the same on the write side (delete-where) and the read side: a comparison with an absent
 * field, or between different kinds, is false, and NEQ is NOT EQ. Total: a filter that passed `checkFilter` always has an answer.
 */
export function matches(filter: Filter, fields: Fields): boolean {
  const expression = filter.expression;
  switch (expression.case) {
    case 'compare':
      return compare(expression.value, fields);
    case 'and':
      return expression.value.filters.every((child) => matches(child, fields));
    case 'or':
      return expression.value.filters.some((child) => matches(child, fields));
    case 'not':
      return !matches(expression.value, fields);
    case undefined:
      throw new EntError('INVALID_FILTER', 'a filter has no expression');
    default:
      return assertNever(expression);
  }
}

function compare({ fieldId, operator, values }: Comparison, fields: Fields): boolean {
  const stored = fields[fieldId]?.kind;
  const present = stored?.case !== undefined;
  if (operator === Operator.EXISTS) return present;
  if (operator === Operator.NEQ) return !(present && valuesEqual(stored, wanted(values[0])));
  if (!present) return false;
  switch (operator) {
    case Operator.EQ:
      return valuesEqual(stored, wanted(values[0]));
    case Operator.IN:
      return values.some((value) => valuesEqual(stored, wanted(value)));
    case Operator.LT:
      return (compareValues(stored, wanted(values[0])) ?? 0) < 0;
    case Operator.LTE:
      return (compareValues(stored, wanted(values[0])) ?? 1) <= 0;
    case Operator.GT:
      return (compareValues(stored, wanted(values[0])) ?? 0) > 0;
    case Operator.GTE:
      return (compareValues(stored, wanted(values[0])) ?? -1) >= 0;
    case Operator.PREFIX: {
      const prefix = wanted(values[0]);
      return (
        stored.case === 'str' && prefix.case === 'str' && stored.value.startsWith(prefix.value)
      );
    }
    case Operator.CONTAINS:
      return contains(stored, wanted(values[0]));
    default:
      throw new EntError('UNKNOWN_FORMAT', `there is no operator ${String(operator)}`);
  }
}

function contains(stored: AnyValue, part: AnyValue): boolean {
  if (stored.case === 'list')
    return stored.value.values.some(
      ({ kind }) => kind.case !== undefined && valuesEqual(kind, part),
    );
  return stored.case === 'str' && part.case === 'str' && stored.value.includes(part.value);
}

function wanted(value: Comparison['values'][number] | undefined): AnyValue {
  if (value?.kind.case === undefined)
    throw new EntError('INVALID_FILTER', 'a comparison lacks its value');
  return value.kind;
}
