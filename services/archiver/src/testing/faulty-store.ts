import { EntError } from '@entdb/base';
import type { ObjectFault, ObjectOperation, ObjectStore } from '@entdb/object-store';

export type Faults = (operation: ObjectOperation) => ObjectFault | undefined;

/** A store that goes wrong by a plan, over one that does not: any of them. */
export function faultyStore(store: ObjectStore, faults: Faults): ObjectStore {
  const planned = async <T>(
    name: ObjectOperation['name'],
    key: string,
    work: () => Promise<T>,
    spoil: (result: T, fault: ObjectFault) => T = (result) => result,
  ): Promise<T> => {
    const fault = faults({ name, key });
    const fail = () =>
      new EntError('OBJECT_STORE_UNAVAILABLE', `${name} ${key} failed by a planned fault`);
    if (fault?.kind === 'delayed') await fault.until;
    if (fault?.kind === 'unavailable') throw fail();
    const result = await work();
    if (fault?.kind === 'answerLost' || fault?.kind === 'cut') throw fail();
    return fault ? spoil(result, fault) : result;
  };
  const first = async (name: 'list' | 'folders', key: string) => planned(name, key, async () => {});
  return {
    ...store,
    create: (key, ...rest) => planned('create', key, () => store.create(key, ...rest)),
    read: (key, ...rest) => planned('open', key, () => store.read(key, ...rest), flipped),
    stat: (key, ...rest) => planned('stat', key, () => store.stat(key, ...rest)),
    async *list(options) {
      await first('list', options.prefix);
      yield* store.list(options);
    },
    async *folders(prefix, ...rest) {
      await first('folders', prefix);
      yield* store.folders(prefix, ...rest);
    },
  };
}

function flipped(bytes: Uint8Array, fault: ObjectFault): Uint8Array {
  if (fault.kind !== 'flipped') return bytes;
  const given = Uint8Array.from(bytes);
  given[fault.byte] = (given[fault.byte] ?? 0) ^ 1;
  return given;
}
