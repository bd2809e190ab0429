let exported = false;

/** What a snapshotter fetches before it has made its copy is a base; afterwards it is what it has written itself. */
export const hasExported = (): boolean => exported;
export const setExported = (value: boolean): void => {
  exported = value;
};
