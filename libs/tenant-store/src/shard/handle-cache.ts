/**
 * Keeps the handles used last open, up to a limit: an open tenant costs three file descriptors and some 200 KB, an idle one nothing.
 */
export interface HandleCache<Handle> {
  get(tenantId: string): Handle;
  /** Closes it, if it is open. */
  drop(tenantId: string): void;
  /** Those that are open, the one used longest ago first. */
  entries(): readonly (readonly [tenantId: string, handle: Handle])[];
  readonly size: number;
  /** Closes all; one that fails does not keep the others open. */
  close(): void;
}

export interface HandleCacheOptions<Handle> {
  readonly openMax: number;
  readonly open: (tenantId: string) => Handle;
  /** The handle is out of the cache already. What this throws goes to whoever made it close, which may be another tenant. */
  readonly close: (handle: Handle, tenantId: string) => void;
}

export function createHandleCache<Handle>({
  openMax,
  open,
  close,
}: HandleCacheOptions<Handle>): HandleCache<Handle> {
  // A Map iterates in the order of insertion: the first entry is the one used longest ago.
  const handles = new Map<string, Handle>();
  const drop = (tenantId: string) => {
    const handle = handles.get(tenantId);
    if (handle === undefined) return;
    handles.delete(tenantId);
    close(handle, tenantId);
  };
  return {
    get(tenantId) {
      const held = handles.get(tenantId);
      if (held !== undefined) {
        handles.delete(tenantId);
        handles.set(tenantId, held);
        return held;
      }
      while (handles.size >= openMax) drop(handles.keys().next().value!);
      const handle = open(tenantId);
      handles.set(tenantId, handle);
      return handle;
    },
    drop,
    entries: () => [...handles],
    get size() {
      return handles.size;
    },
    close() {
      const failures: unknown[] = [];
      for (const tenantId of handles.keys()) {
        try {
          drop(tenantId);
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
