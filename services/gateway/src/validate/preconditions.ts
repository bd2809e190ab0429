import { EntError } from '@entdb/base';
import {
  checkFields,
  checkNodeId,
  fieldOf,
  nodeTypeOf,
  type CompiledSchema,
  type Precondition,
} from '@entdb/contracts';
import { checkTypeId } from './operations.ts';

/** Judges preconditions by all that needs no state. Throws an EntError with the path. */
export function checkPreconditions(
  preconditions: readonly Precondition[],
  schema: CompiledSchema | undefined,
): void {
  preconditions.forEach((precondition, i) => check(precondition, schema, `preconditions[${i}]`));
}

function check(precondition: Precondition, schema: CompiledSchema | undefined, path: string): void {
  const { typeId, nodeId, equals, absent } = precondition;
  checkTypeId(typeId, schema, 'node', path);
  checkNodeId(nodeId, `${path}.node_id`);
  const type = schema && nodeTypeOf(schema, typeId, path);
  checkFields(equals, type, `${path}.equals`);
  absent.forEach((id, j) => {
    const at = `${path}.absent[${j}]`;
    if (id < 1) throw new EntError('UNKNOWN_FIELD', `${at}: field ids begin at 1`, { field: at });
    if (type) fieldOf(type, id, at);
    if (Object.hasOwn(equals, id))
      throw contradiction(at, `field ${id} must also be equal to a value`);
  });
  const asksForContent =
    precondition.version !== undefined || absent.length > 0 || Object.keys(equals).length > 0;
  if (precondition.exists === false && asksForContent) {
    throw contradiction(
      `${path}.exists`,
      'a node that must not exist has no version and no fields',
    );
  }
}

function contradiction(path: string, problem: string): EntError {
  return new EntError('INVALID_OPERATION', `${path}: ${problem}`, { field: path });
}
