import { EntError } from '@entdb/base';
import type { Operation, OperationVerdict, Transaction } from '@entdb/contracts';
import { deleteWhere } from './delete-where.ts';
import { createEdge, deleteEdge } from './edge-operations.ts';
import { createNode, deleteNode, updateNode } from './node-operations.ts';
import { judgePreconditions } from './preconditions.ts';
import type { Scope } from './scope.ts';

/** Throws Rejection; what was written until then the caller takes back. Throws UNKNOWN_FORMAT for an operation that this version does not know. */
export function executeTransaction(
  scope: Scope,
  transaction: Transaction,
): readonly OperationVerdict[] {
  judgePreconditions(scope.nodes, transaction.preconditions);
  return transaction.operations.map((operation, i) =>
    execute(scope, operation, `operations[${i}]`),
  );
}

function execute(scope: Scope, { op }: Operation, path: string): OperationVerdict {
  switch (op.case) {
    case 'createNode':
      return createNode(scope, op.value, `${path}.create_node`);
    case 'updateNode':
      return updateNode(scope, op.value, `${path}.update_node`);
    case 'deleteNode':
      return deleteNode(scope, op.value, `${path}.delete_node`);
    case 'createEdge':
      return createEdge(scope, op.value, `${path}.create_edge`);
    case 'deleteEdge':
      return deleteEdge(scope, op.value, `${path}.delete_edge`);
    case 'deleteWhere':
      return deleteWhere(scope, op.value, `${path}.delete_where`);
    case 'markRead':
      // Its rows are in the mailbox file, whose state must not decide a verdict of this one.
      return { changed: true };
    default:
      throw new EntError('UNKNOWN_FORMAT', `${path} is of a kind that this version does not know`, {
        field: path,
      });
  }
}
