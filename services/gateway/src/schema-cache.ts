import { EntError } from '@entdb/base';
import { compileSchema, type CompiledSchema, type Schema } from '@entdb/contracts';
import { createLru } from './lru.ts';
import { refuseUnknown } from './resolve/unknown-parts.ts';

const schemasMax = 1_000;
const acknowledgementsMax = 100_000;

/**
 * Schemas by content, and which tenant's log has which. Both are memory of a stateless process: what is forgotten is asked for
 * again (SCHEMA_NEEDED), or sent along once more, which does no harm.
 */
export interface SchemaCache {
  /**
   * The schema that a request names; undefined where it names none. Definitions that come along are checked against the
   * fingerprint and kept. Throws SCHEMA_NEEDED, INVALID_SCHEMA.
   */
  readonly schemaOf: (request: {
    readonly schemaFingerprint: string;
    readonly schema?: Schema | undefined;
  }) => CompiledSchema | undefined;
  /** Whether a record of this tenant that brings the definitions was acknowledged. */
  isAcknowledged(tenantId: string, fingerprint: string): boolean;
  acknowledge(tenantId: string, fingerprint: string): void;
  /** The tenant's files do not have it after all: the next record brings the definitions again. */
  forget(tenantId: string, fingerprint: string): void;
}

export function createSchemaCache(): SchemaCache {
  const schemas = createLru<string, CompiledSchema>(schemasMax);
  const acknowledged = createLru<string, true>(acknowledgementsMax);
  const pair = (tenantId: string, fingerprint: string) => `${tenantId}/${fingerprint}`;

  const compile = (definition: Schema, fingerprint: string): CompiledSchema => {
    for (const part of partsOf(definition)) refuseUnknown(part, () => 'schema');
    const compiled = compileSchema(definition);
    if (compiled.fingerprint === fingerprint) return compiled;
    throw new EntError(
      'INVALID_SCHEMA',
      `the definitions have the fingerprint ${compiled.fingerprint}, not ${JSON.stringify(fingerprint.slice(0, 80))}`,
      {
        field: 'schema_fingerprint',
        hint: 'compute it as docs/formats/schema.md says, from the very definitions that are sent',
      },
    );
  };

  return {
    schemaOf: ({ schemaFingerprint, schema }) => {
      if (schema) {
        const compiled = compile(schema, schemaFingerprint);
        schemas.set(compiled.fingerprint, compiled);
        return compiled;
      }
      if (schemaFingerprint === '') return undefined;
      const known = schemas.get(schemaFingerprint);
      if (known) return known;
      throw new EntError(
        'SCHEMA_NEEDED',
        `this gateway does not know the schema ${JSON.stringify(schemaFingerprint.slice(0, 80))}`,
        {
          field: 'schema_fingerprint',
          hint: 'send the same request again with the definitions in schema',
        },
      );
    },
    isAcknowledged: (tenantId, fingerprint) =>
      acknowledged.get(pair(tenantId, fingerprint)) === true,
    acknowledge: (tenantId, fingerprint) => acknowledged.set(pair(tenantId, fingerprint), true),
    forget: (tenantId, fingerprint) => acknowledged.delete(pair(tenantId, fingerprint)),
  };
}

/** Every message of the definitions. */
function partsOf(definition: Schema) {
  const { nodeTypes, edgeTypes } = definition;
  const types = [...nodeTypes, ...edgeTypes];
  const unique = nodeTypes.flatMap((type) => type.unique);
  return [definition, ...types, ...unique, ...types.flatMap((type) => type.fields)];
}
