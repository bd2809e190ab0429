import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fixture, StoreUnderTest } from './conformance/fixture.ts';
import { describeLife } from './conformance/life.ts';
import { describeList } from './conformance/list.ts';
import { describeNames } from './conformance/names.ts';
import { describeRead } from './conformance/read.ts';
import { describeWrite } from './conformance/write.ts';

export type { StoreUnderTest } from './conformance/fixture.ts';

/**
 * The contract of `ObjectStore` as tests: each adapter must pass them, so that a test on one speaks for the others.
 * One store is made for all of them; each test has a folder of its own.
 */
export function describeObjectStore(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`${name} keeps the contract of ObjectStore`, () => {
    let made: StoreUnderTest | undefined;
    let files = '';
    const underTest = () => {
      if (!made) throw new Error('the store has not been made yet');
      return made;
    };
    const fixture: Fixture = {
      store: () => underTest().store,
      another: () => underTest().another(),
      newFolder: () => `conformance-${randomUUID()}/`,
      newFile: () => join(files, randomUUID()),
    };

    beforeAll(async () => {
      files = await mkdtemp(join(tmpdir(), 'entdb-objects-'));
      made = await makeStore();
    });
    afterAll(async () => {
      await made?.cleanup();
      await rm(files, { recursive: true });
    });

    describeWrite(fixture);
    describeRead(fixture);
    describeList(fixture);
    describeNames(fixture);
    describeLife(fixture);
  });
}
