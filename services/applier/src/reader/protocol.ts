import type { TenantReader } from '@entdb/tenant-store';

/** Reads that go to a reader thread: everything of a TenantReader that answers a request. */
export type ReadMethod = Exclude<keyof TenantReader, 'tenantId' | 'close'>;
export type ReadRequest<M extends ReadMethod> = Parameters<TenantReader[M]>[0];
export type ReadResponse<M extends ReadMethod> = ReturnType<TenantReader[M]>;

export interface ReaderMethods {
  read(params: {
    readonly tenantId: string;
    readonly method: ReadMethod;
    readonly request: unknown;
  }): unknown;
  /** Closes the tenant's files: they are about to be replaced. */
  forget(params: { readonly tenantId: string }): void;
}

export interface ReaderData {
  readonly dir: string;
  readonly openTenantsMax: number;
}
