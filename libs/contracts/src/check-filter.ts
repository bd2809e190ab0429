import { EntError } from '@entdb/base';
import { checkFieldValue, fieldOf, type FieldOwner } from './check-fields.ts';
import { checkValue, kindName } from './check-value.ts';
import { Operator, type Comparison, type Filter } from './gen/entdb/v1/transaction_pb.ts';
import { orderedKinds, type CompiledField } from './schema.ts';
import type { AnyValue } from './value.ts';

export const filterDepthMax = 16;
export const filterTermsMax = 256;

/**
 * Throws INVALID_FILTER, UNKNOWN_FIELD, WRONG_KIND, INVALID_VALUE. Without an owner the operators are judged by the kinds of their
 * values alone. An absent filter (expression unset at the root) is refused: leave the filter out instead.
 */
export function checkFilter(filter: Filter, owner: FieldOwner | undefined, path: string): void {
  let terms = 0;
  const walk = (node: Filter, at: string, depth: number): void => {
    if (depth > filterDepthMax) throw invalid(at, `filters nest at most ${filterDepthMax} deep`);
    const expression = node.expression;
    switch (expression.case) {
      case 'compare':
        if (++terms > filterTermsMax)
          throw invalid(at, `a filter has at most ${filterTermsMax} comparisons`);
        return checkComparison(expression.value, owner, `${at}.compare`);
      case 'and':
      case 'or': {
        const name = expression.case;
        if (expression.value.filters.length === 0) throw invalid(`${at}.${name}`, 'it is empty');
        expression.value.filters.forEach((child, i) =>
          walk(child, `${at}.${name}[${i}]`, depth + 1),
        );
        return;
      }
      case 'not':
        return walk(expression.value, `${at}.not`, depth + 1);
      case undefined:
        throw invalid(at, 'it has no expression');
    }
  };
  walk(filter, path, 1);
}

function checkComparison(
  comparison: Comparison,
  owner: FieldOwner | undefined,
  path: string,
): void {
  const { operator, values, fieldId } = comparison;
  const field = owner && fieldOf(owner, fieldId, `${path}.field_id`);
  if (fieldId < 1) throw invalid(`${path}.field_id`, 'field ids begin at 1');
  const checked = values.map((value, i) => checkValue(value, `${path}.values[${i}]`));
  switch (operator) {
    case Operator.EXISTS:
      if (checked.length > 0) throw invalid(path, 'EXISTS takes no value');
      return;
    case Operator.IN:
      if (checked.length === 0) throw invalid(path, 'IN takes at least one value');
      for (const value of checked) checkEqual(value, field, owner, path);
      return;
    case Operator.EQ:
    case Operator.NEQ:
      return checkEqual(only(checked, path), field, owner, path);
    case Operator.LT:
    case Operator.LTE:
    case Operator.GT:
    case Operator.GTE: {
      const value = only(checked, path);
      if (!orderedKinds.has(value.case))
        throw invalid(path, `values of kind ${kindName(value.case)} have no order`);
      return checkEqual(value, field, owner, path);
    }
    case Operator.PREFIX: {
      const value = only(checked, path);
      if (value.case !== 'str') throw invalid(path, 'PREFIX takes a str');
      return checkEqual(value, field, owner, path);
    }
    case Operator.CONTAINS: {
      const value = only(checked, path);
      if (value.case === 'list') throw invalid(path, 'CONTAINS takes one element, not a list');
      if (field?.list) return checkFieldValue(value, { ...field, list: false }, owner!.name, path);
      if (value.case !== 'str' && field)
        throw invalid(
          path,
          `CONTAINS looks for a str in a str, or for an element in a list; ${field.name} is ${kindName(field.kind)}`,
        );
      return checkEqual(value, field, owner, path);
    }
    default:
      throw invalid(`${path}.operator`, `there is no operator ${operator}`);
  }
}

function checkEqual(
  value: AnyValue,
  field: CompiledField | undefined,
  owner: FieldOwner | undefined,
  path: string,
): void {
  if (field && owner) checkFieldValue(value, field, owner.name, path);
}

function only(values: readonly AnyValue[], path: string): AnyValue {
  if (values.length !== 1)
    throw invalid(path, `this operator takes exactly one value, not ${values.length}`);
  return values[0]!;
}

function invalid(path: string, problem: string): EntError {
  return new EntError('INVALID_FILTER', `${path}: ${problem}`, {
    field: path,
    hint: 'correct it, or leave the whole filter out to match everything',
  });
}
