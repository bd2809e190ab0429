import { emptyCatalog, loadCatalog, type Catalog } from '../catalog.ts';
import type { ReadFile } from './read-file.ts';

/** The tenant's catalog, compiled once for as long as the tenant has the same schemas. */
export interface CatalogCache {
  /** As of the read transaction that is open. */
  current(): Catalog;
}

export function createCatalogCache(file: ReadFile): CatalogCache {
  let known = emptyCatalog;
  return {
    current() {
      // Fingerprints name contents, so the same ones in the same order are the same catalog.
      const sql = 'SELECT fingerprint FROM schemas WHERE ordinal >= 0 ORDER BY ordinal';
      const rows = file.prepare<[], { fingerprint: string }>(sql).all();
      const isKnown =
        rows.length === known.fingerprints.length &&
        rows.every(({ fingerprint }, i) => fingerprint === known.fingerprints[i]);
      if (!isKnown) known = loadCatalog(file);
      return known;
    },
  };
}
