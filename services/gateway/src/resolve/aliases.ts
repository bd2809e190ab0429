import { EntError } from '@entdb/base';
import type { Operation } from '@entdb/contracts';

/** The aliases of one transaction: each means a node, from the operation that defines it on. */
export interface Aliases {
  /** Throws INVALID_OPERATION, DUPLICATE_ALIAS. */
  define(alias: string, id: string, path: string): void;
  /** The id that the text means: itself, where it is no alias. Throws UNKNOWN_ALIAS. */
  idOf(text: string, path: string): string;
}

const aliasPattern = /^\$[^\p{Cc}]{1,128}$/u;

export function createAliases(operations: readonly Operation[]): Aliases {
  const ids = new Map<string, string>();
  return {
    define: (alias, id, path) => {
      if (!alias.isWellFormed() || !aliasPattern.test(alias)) {
        throw new EntError('INVALID_OPERATION', `${path}: ${JSON.stringify(alias)} is no alias`, {
          field: path,
          hint: 'an alias is "$" and 1 to 128 characters',
        });
      }
      if (ids.has(alias)) {
        throw new EntError('DUPLICATE_ALIAS', `${path}: ${alias} is defined twice`, {
          field: path,
          hint: 'give each created node an alias of its own',
        });
      }
      ids.set(alias, id);
    },
    idOf: (text, path) => {
      if (!text.startsWith('$')) return text;
      const id = ids.get(text);
      if (id !== undefined) return id;
      const comesLater = operations.some(
        ({ op }) => op.case === 'createNode' && op.value.alias === text,
      );
      throw new EntError(
        'UNKNOWN_ALIAS',
        `${path}: no earlier operation defines ${JSON.stringify(text)}`,
        {
          field: path,
          hint: comesLater
            ? 'an alias is known after the operation that defines it: not before, not within it, and never to preconditions'
            : 'define it as the alias of an earlier create_node; ids do not begin with "$"',
        },
      );
    },
  };
}
