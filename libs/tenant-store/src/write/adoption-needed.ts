import type { TenantRestored } from '@entdb/contracts';

/** A restore in place that is accepted: carries it out of the transaction, which is rolled back. */
export class AdoptionNeeded extends Error {
  override readonly name = 'AdoptionNeeded';
  readonly restored: TenantRestored;

  constructor(restored: TenantRestored) {
    super('the restored files must be adopted');
    this.restored = restored;
  }
}
