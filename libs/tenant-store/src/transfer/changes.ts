import { compareText } from '../values.ts';

export type ChangeKind = 'added' | 'removed' | 'changed';

/** Of nodes, of edges or of mailbox items. */
export interface KindChanges<Key> {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Types with a change, by their number. */
  readonly types: readonly TypeChanges<Key>[];
}

export type TypeChanges<Key> = { readonly type: number } & Readonly<
  Record<ChangeKind, { readonly count: number; readonly ids: readonly Key[] }>
>;

export interface RowKey<Key> {
  readonly key: Key;
  /** By which the first of them are found, whatever the order in which they come. */
  readonly order: readonly string[];
}

export interface Changes<Key> {
  add(type: number, kind: ChangeKind, row: RowKey<Key>): void;
  read(): KindChanges<Key>;
}

interface Tally<Key> {
  count: number;
  readonly first: RowKey<Key>[];
}

/** Counts all, and keeps the first few by their keys, so that two tools name the same ones. */
export function createChanges<Key>(sample: number): Changes<Key> {
  const types = new Map<number, Record<ChangeKind, Tally<Key>>>();
  const tallyOf = (type: number, kind: ChangeKind): Tally<Key> => {
    let tallies = types.get(type);
    if (!tallies) {
      const none = (): Tally<Key> => ({ count: 0, first: [] });
      types.set(type, (tallies = { added: none(), removed: none(), changed: none() }));
    }
    return tallies[kind];
  };
  return {
    add(type, kind, row) {
      const tally = tallyOf(type, kind);
      tally.count++;
      const { first } = tally;
      if (first.length >= sample && !(sample > 0 && isBefore(row, first.at(-1)!))) return;
      const at = first.findIndex((other) => isBefore(row, other));
      first.splice(at < 0 ? first.length : at, 0, row);
      if (first.length > sample) first.pop();
    },
    read() {
      const sum = (kind: ChangeKind) =>
        [...types.values()].reduce((count, tallies) => count + tallies[kind].count, 0);
      const shown = ({ count, first }: Tally<Key>) => ({ count, ids: first.map(({ key }) => key) });
      return {
        added: sum('added'),
        removed: sum('removed'),
        changed: sum('changed'),
        types: [...types]
          .sort(([a], [b]) => a - b)
          .map(([type, { added, removed, changed }]) => ({
            type,
            added: shown(added),
            removed: shown(removed),
            changed: shown(changed),
          })),
      };
    },
  };
}

function isBefore<Key>(a: RowKey<Key>, b: RowKey<Key>): boolean {
  for (const [i, part] of a.order.entries()) {
    const order = compareText(part, b.order[i]!);
    if (order !== 0) return order < 0;
  }
  return false;
}
