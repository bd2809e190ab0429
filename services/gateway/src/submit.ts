import { EntError, isEntError, type Clock } from '@entdb/base';
import {
  errorFromDetail,
  resultFromJson,
  type CompiledSchema,
  type LogPosition,
  type ResultRecord,
  type TransactionResult,
  type WalRecord,
} from '@entdb/contracts';
import type { Caller } from './caller.ts';
import type { Lanes } from './lanes.ts';
import type { GatewayMetrics } from './metrics.ts';
import { encodeRecord } from './record.ts';
import type { Results } from './results.ts';
import type { SchemaCache } from './schema-cache.ts';
import type { CommandKey } from './validate/request.ts';

/** What shall stand in the log, judged and resolved. */
export interface Command {
  readonly key: CommandKey;
  readonly requestHash: Uint8Array;
  readonly body: WalRecord['body'];
  /** The body's canonical bytes, where it is a transaction. */
  readonly transactionBytes?: Uint8Array;
  readonly schema?: CompiledSchema | undefined;
  readonly autoCreate: boolean;
  readonly waitsForVerdict: boolean;
}

export interface Receipt {
  /** Where this very record stands. */
  readonly position: LogPosition;
  /** Where the verdict was waited for: always of an applied command, a rejected one is thrown. */
  readonly result?: TransactionResult;
}

export type Submit = (command: Command, caller: Caller) => Promise<Receipt>;

export interface SubmitParts {
  readonly lanes: Lanes;
  readonly results: Results;
  readonly schemas: SchemaCache;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly recordBytesMax: number;
}

/**
 * One command into the log, and its verdict out. Up to the append it does not wait for anything, so that commands stand in the log in the order
 * of the calls.
 */
export function createSubmit({
  lanes,
  results,
  schemas,
  metrics,
  clock,
  recordBytesMax,
}: SubmitParts): Submit {
  return async ({ key, schema, waitsForVerdict, ...content }, caller) => {
    const { tenantId } = key;
    const isNews = schema !== undefined && !schemas.isAcknowledged(tenantId, schema.fingerprint);
    const value = encodeRecord(
      {
        ...content,
        key,
        ...(schema && { schemaFingerprint: schema.fingerprint }),
        ...(isNews && { definitions: schema.definition }),
        ...(waitsForVerdict && { resultsPartition: results.partition }),
      },
      recordBytesMax,
    );
    const expectation = waitsForVerdict ? results.expect(key, caller) : undefined;
    try {
      const position = await lanes.append(tenantId, value, caller.signal);
      if (isNews) schemas.acknowledge(tenantId, schema.fingerprint);
      if (!expectation) return { position };
      const acknowledged = clock.monotonic();
      const verdict = await expectation.verdictAt(position);
      metrics.verdictSeconds.observe((clock.monotonic() - acknowledged) / 1_000);
      return { position, result: appliedResult(verdict, position) };
    } catch (error) {
      // The tenant's files do not have the schema (the tenant was made anew, or it contradicts what is there).
      const lacksSchema =
        isEntError(error, 'SCHEMA_NEEDED') || isEntError(error, 'SCHEMA_INCOMPATIBLE');
      if (schema && lacksSchema) schemas.forget(tenantId, schema.fingerprint);
      throw error;
    } finally {
      expectation?.drop();
    }
  };
}

/** Throws what the verdict says where it is not "applied": the stored rejection, or why there is no result. */
function appliedResult(
  { tenantId, verdict }: ResultRecord,
  askedAt: LogPosition,
): TransactionResult {
  switch (verdict.case) {
    case 'resultJson': {
      const result = resultFromJson(verdict.value, tenantId);
      if (result.outcome.case === 'rejected') throw errorFromDetail(result.outcome.value);
      return result;
    }
    case 'error': {
      const refused = errorFromDetail(verdict.value);
      throw new EntError(refused.code, refused.message, {
        position: askedAt,
        ...refused.facts,
        tenantId,
      });
    }
    case undefined:
      throw new EntError(
        'UNKNOWN_FORMAT',
        'the verdict is of a kind that this gateway does not know',
        {
          tenantId,
          position: askedAt,
          hint: 'upgrade the gateway; the stored verdict is to be had from QueryService.GetResult',
        },
      );
  }
}
