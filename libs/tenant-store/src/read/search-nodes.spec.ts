import { val } from '@entdb/contracts';
import * as people from './testing/people.ts';
import { codeOf } from './testing/refusal.ts';
import { ask } from './testing/requests.ts';
import {
  createNode,
  deleteNode,
  openTestTenant,
  updateNode,
  type TestTenant,
} from './testing/tenant.ts';

const { person, project, name, bio } = people;

describe('full-text search', () => {
  let tenant: TestTenant;
  beforeEach(() => {
    tenant = openTestTenant(people.people);
    tenant.write(
      createNode(person, 'long', {
        [name]: val.str('Ann'),
        [bio]: val.str(`likes boats and ${'many other things '.repeat(20)}`),
      }),
      createNode(person, 'short', { [name]: val.str('Bob'), [bio]: val.str('boats boats boats') }),
      createNode(person, 'accent', {
        [bio]: val.str('Crème brûlée AND state-of-the-art NEAR boat'),
      }),
      createNode(project, 'ship', { [name]: val.str('Boats') }),
    );
  });
  afterEach(() => tenant.close());

  const found = (text: string, typeId = 0) =>
    tenant.reader.searchNodes(ask.search({ text, typeId })).nodes.map(({ id }) => id);

  it('finds nodes with all words, best match first, of all types or of one', () => {
    expect(found('boats')).toEqual(['short', 'ship', 'long']);
    expect(found('boats', project)).toEqual(['ship']);
    expect(found('BOATS likes')).toEqual(['long']);
    expect(found('boats nowhere')).toEqual([]);
    expect(found('creme')).toEqual(['accent']);
  });

  it('takes a "*" at the end for a prefix, and nowhere else', () => {
    expect(found('boat').toSorted()).toEqual(['accent']);
    expect(found('boat*').toSorted()).toEqual(['accent', 'long', 'ship', 'short']);
    expect(found('boat* likes')).toEqual([]);
  });

  it.each([
    'boats OR nowhere',
    'NOT boats',
    'boats NEAR(likes)',
    'text : boats',
    '{text} : boats',
    '^boats nowhere',
    '"boats',
    "boats'; DROP TABLE nodes; --",
    'boats) OR (nowhere',
    'boats" OR "nowhere',
    'boats\0" OR nowhere',
    'boats + nowhere',
    '-boats nowhere',
  ])('has no operators: %j is words (faults 7 #16)', (text) => {
    const words = text
      .toLowerCase()
      .split(/[^a-z]+/)
      .filter((word) => word !== '');
    const isWanted = words.length === 1 && words[0] === 'boats';
    expect(found(text)).toEqual(isWanted ? ['short', 'ship', 'long'] : []);
  });

  it('keeps operators findable as words', () => {
    expect(found('AND NEAR')).toEqual(['accent']);
    expect(found('state-of-the-art')).toEqual(['accent']);
    expect(codeOf(() => found(' * " '))).toBe('INVALID_SEARCH');
  });

  it('follows what is written', () => {
    tenant.write(
      updateNode(person, 'short', { [bio]: val.str('trains') }),
      deleteNode(project, 'ship'),
    );
    expect(found('boats')).toEqual(['long']);
    expect(found('trains')).toEqual(['short']);
  });

  it('gives each match on one page, in one order, also where matches are equally good', () => {
    tenant.writeAll(
      Array.from({ length: 250 }, (_, i) => [
        createNode(project, `same-${i}`, { [name]: val.str('zeppelin') }),
      ]),
    );
    const whole = found('zeppelin').length;
    expect(whole).toBe(100);
    const seen: string[] = [];
    let pageToken = '';
    do {
      const page = tenant.reader.searchNodes(
        ask.search({ text: 'zeppelin', pageSize: 37, pageToken }),
      );
      seen.push(...page.nodes.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(seen).toEqual(Array.from({ length: 250 }, (_, i) => `same-${i}`).toSorted());
    const first = tenant.reader.searchNodes(ask.search({ text: 'zeppelin', pageSize: 1 }));
    const other = ask.search({ text: 'boats', pageToken: first.nextPageToken });
    expect(codeOf(() => tenant.reader.searchNodes(other))).toBe('INVALID_PAGE_TOKEN');
  });
});
