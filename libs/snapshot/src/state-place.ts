import {
  manifestName,
  restorePointFileName,
  restorePointManifestName,
  snapshotFileName,
  type SnapshotFileName,
} from '@entdb/archive-format';

/** Where the files of one state of a tenant stand in the store, under a manifest. */
export interface StatePlace {
  /** What it is called where something is wrong with it. */
  readonly label: string;
  readonly manifestKey: string;
  readonly keyOf: (name: SnapshotFileName) => string;
}

export const snapshotPlace = (tenantId: string, id: string): StatePlace => ({
  label: id,
  manifestKey: manifestName(tenantId, id),
  keyOf: (name) => snapshotFileName(tenantId, id, name),
});

export const restorePointPlace = (tenantId: string, sequence: number): StatePlace => ({
  label: restorePointManifestName(tenantId, sequence),
  manifestKey: restorePointManifestName(tenantId, sequence),
  keyOf: (name) => restorePointFileName(tenantId, sequence, name),
});
