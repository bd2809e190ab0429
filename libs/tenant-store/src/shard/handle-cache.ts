/**
 * Keeps the handles used last open, up to a limit: an open tenant costs three file descriptors and some 200 KB, an idle one nothing.
 */
export interface HandleCache<Handle> {
  get(tenantId: string): Handle;
  /** The handle if it is open; does not count as use. */
  peek(tenantId: string): Handle | undefined;
  /** Closes it, if it is open. */
  drop(tenantId: string): void;
  readonly size: number;
  close(): void;
}

export interface HandleCacheOptions<Handle> {
  readonly openMax: number;
  readonly open: (tenantId: string) => Handle;
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
    peek: (tenantId) => handles.get(tenantId),
    drop,
    get size() {
      return handles.size;
    },
    close() {
      for (const tenantId of handles.keys()) drop(tenantId);
    },
  };
}
