import { EntError, invariant } from '@entdb/base';
import {
  schemaFingerprint as fingerprintOf,
  type OperationVerdict,
  type Transaction,
  type Verdict,
  type WalRecord,
} from '@entdb/contracts';
import { emptyCatalog, loadCatalog, type Catalog } from '../catalog.ts';
import type { PlacedRecord } from '../store.ts';
import type { TenantFile } from '../sqlite/tenant-file.ts';
import { AdoptionNeeded } from './adoption-needed.ts';
import { createEdgeTable } from './edge-table.ts';
import { executeTransaction } from './execute.ts';
import { judgeRestore } from './judge-restore.ts';
import { createNodeTable } from './node-table.ts';
import { progressAfter } from './progress.ts';
import { registerSchema } from './register-schema.ts';
import { Rejection } from './rejection.ts';
import { createSchemaTable } from './schema-table.ts';
import { createSubstitutes } from './scope.ts';
import { createVerdictTable, repeatOf, type Judged } from './verdict-table.ts';

/** The file of nodes, edges, schemas and verdicts. */
export interface Canonical {
  /**
   * Applies one record beyond the file's position, within the file's transaction. Throws on a record that cannot be applied, and AdoptionNeeded on one that
   * takes other files.
   */
  apply(placed: PlacedRecord): Judged;
  /** What became of a record whose position the file has passed. */
  recall(placed: PlacedRecord): Judged;
  /** Forgets what is kept in memory: the transaction was rolled back. */
  forget(): void;
}

export function createCanonical(file: TenantFile, tenantId: string): Canonical {
  const nodes = createNodeTable(file);
  const edges = createEdgeTable(file);
  const schemas = createSchemaTable(file);
  const verdicts = createVerdictTable(file, tenantId);
  let cached: Catalog | undefined;
  const catalog = () => (cached ??= loadCatalog(file.db));

  /** Throws Rejection. */
  const runTransaction = (
    transaction: Transaction,
    timeUs: number,
  ): readonly OperationVerdict[] => {
    const scope = {
      nodes,
      edges,
      schema: catalog().compiled,
      timeUs,
      substitutes: createSubstitutes(),
    };
    // A single operation judges before it writes; only a later one can leave an earlier one's writes behind.
    return transaction.operations.length > 1
      ? file.savepoint(() => executeTransaction(scope, transaction))
      : executeTransaction(scope, transaction);
  };

  /** Throws Rejection. The answer tells whether the record must come again with its definitions. */
  const admitSchema = ({ schemaFingerprint, schema }: WalRecord): 'known' | 'needed' => {
    if (schemaFingerprint === '' && !schema) return 'known';
    if (catalog().fingerprints.includes(schemaFingerprint)) return 'known';
    const definition = schema ?? schemas.remembered(schemaFingerprint);
    if (!definition) return 'needed';
    cached = registerSchema(file, nodes, schemas, catalog(), schemaFingerprint, definition);
    return 'known';
  };

  /** Whatever becomes of the record: its gateway has sent the definitions now, and may not send them again. */
  const rememberDefinitions = ({ schemaFingerprint, schema }: WalRecord): void => {
    if (!schema || catalog().fingerprints.includes(schemaFingerprint)) return;
    if (fingerprintOf(schema) === schemaFingerprint) schemas.remember(schemaFingerprint, schema);
  };

  const createTenant = (): void => {
    const { state, epoch } = file.progress;
    if (state === 'active') throw new Rejection('TENANT_EXISTS', 'the tenant is there already');
    file.progress = {
      ...file.progress,
      state: 'active',
      epoch: state === 'deleted' ? epoch + 1 : epoch,
    };
  };

  const deleteTenant = (erase: boolean): void => {
    // What is left of a deleted tenant is for the restores that may bring it back: an erasure ends that, too.
    if (!erase || file.progress.state !== 'deleted') assertActive();
    for (const table of [nodes, edges, verdicts]) table.clear();
    file.clearDigest();
    schemas.dismissAll();
    file.progress = { ...file.progress, state: 'deleted' };
    cached = emptyCatalog;
  };

  const assertActive = (): void => {
    if (file.progress.state === 'absent')
      throw new Rejection('TENANT_NOT_FOUND', 'there is no such tenant');
    if (file.progress.state === 'deleted')
      throw new Rejection('TENANT_DELETED', 'the tenant was deleted');
  };

  /** Throws Rejection. undefined: the record must come again with its definitions. */
  const judge = (record: WalRecord, timeUs: number): readonly OperationVerdict[] | undefined => {
    switch (record.body.case) {
      case 'tenantCreated':
        createTenant();
        return [];
      case 'tenantDeleted':
        deleteTenant(record.body.value.erase);
        return [];
      case 'transaction': {
        const comesToBe = file.progress.state === 'absent' && record.autoCreate;
        if (!comesToBe) assertActive();
        if (admitSchema(record) === 'needed') return undefined;
        if (comesToBe) file.progress = { ...file.progress, state: 'active' };
        return runTransaction(record.body.value, timeUs);
      }
      case 'tenantRestored':
        judgeRestore(file.progress, record.body.value);
        throw new AdoptionNeeded(record.body.value);
      default:
        throw new EntError(
          'UNKNOWN_FORMAT',
          'the record is of a kind that this version does not know',
          { hint: 'upgrade this service; the record stays in the log' },
        );
    }
  };

  const verdictOn = (record: WalRecord, timeUs: number): Verdict['outcome'] | undefined => {
    try {
      const operations = judge(record, timeUs);
      return operations && { case: 'applied', operations };
    } catch (error) {
      if (error instanceof Rejection) return { case: 'rejected', error: error.verdict };
      throw error;
    }
  };

  return {
    apply(placed) {
      const { record, offset, timeMs } = placed;
      invariant(record.tenantId === tenantId, 'a record is applied to its own tenant');
      const timeUs = timeMs * 1000;
      file.progress = progressAfter(file.progress, placed);
      rememberDefinitions(record);
      const earlier = verdicts.find(record.idempotencyKey);
      if (earlier) return { outcome: repeatOf(placed, earlier) };
      const outcome = verdictOn(record, timeUs);
      if (!outcome) return { outcome: { kind: 'refused', offset, error: schemaNeeded(record) } };
      const resultJson = verdicts.store(placed, outcome);
      return {
        outcome: { kind: 'verdict', offset, resultJson },
        ...(outcome.case === 'applied' && { effects: outcome.operations }),
      };
    },
    recall(placed) {
      const { record, offset } = placed;
      const row = verdicts.find(record.idempotencyKey);
      if (!row)
        return { outcome: { kind: 'refused', offset, error: forgotten(record, catalog()) } };
      return {
        outcome: repeatOf(placed, row),
        ...(row.offset === offset && effectsOf(row.result_json)),
      };
    },
    forget() {
      cached = undefined;
    },
  };
}

/** The part of a stored verdict that the mailbox needs. */
function effectsOf(resultJson: string): Pick<Judged, 'effects'> {
  interface Stored {
    readonly applied?: {
      readonly operations: readonly {
        readonly id?: string;
        readonly changed: boolean;
        readonly deleted_ids?: readonly string[];
      }[];
    };
  }
  const { applied } = JSON.parse(resultJson) as Stored; // our own text, under the row's checksum
  if (!applied) return {};
  return {
    effects: applied.operations.map(({ id, changed, deleted_ids }) => ({
      changed,
      ...(id !== undefined && { id }),
      ...(deleted_ids && { deletedIds: deleted_ids }),
    })),
  };
}

function schemaNeeded({ tenantId, schemaFingerprint }: WalRecord): EntError {
  return new EntError('SCHEMA_NEEDED', `the tenant does not hold the schema ${schemaFingerprint}`, {
    tenantId,
    field: 'schema_fingerprint',
    hint: 'send the request again with its definitions, under the same key',
  });
}

/** A record that was passed has no verdict if it was refused then, or if its tenant was deleted since. */
function forgotten(record: WalRecord, { fingerprints }: Catalog): EntError {
  if (record.schemaFingerprint !== '' && !fingerprints.includes(record.schemaFingerprint))
    return schemaNeeded(record);
  return new EntError('TENANT_DELETED', 'the verdict was deleted with the tenant', {
    tenantId: record.tenantId,
  });
}
