import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, errorCodes, isEntError, toError, type ErrorCode } from './errors.ts';

const folder = join(__dirname, '../../../docs/errors');
const codes = Object.keys(errorCodes) as ErrorCode[];
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

/** The numbers of google.rpc.Code; a status that is not among them reaches no gRPC client. */
const grpcStatuses: readonly string[] = [
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED',
].flatMap((line) => line.split(' '));

describe('docs/errors', () => {
  it('has a page for each code, and no other', () => {
    const pages = readdirSync(folder).filter((name) => name !== 'README.md');
    expect(pages.sort()).toEqual(codes.map((code) => `${code}.md`).sort());
  });

  it.each(codes)('%s: the page says what the table says, and what to do', (code) => {
    const { status, retriable, meaning } = errorCodes[code];
    const [title, , sentence, , statusLine, retriableLine] = read(`${code}.md`).split('\n');
    expect(title).toBe(`# ${code}`);
    expect(sentence).toBe(meaning);
    const name = statusLine!.match(/^- gRPC status: `(\w+)`$/)?.[1];
    expect(grpcStatuses).toContain(name);
    expect(name!.toLowerCase().replace('cancelled', 'canceled')).toBe(status);
    expect(retriableLine).toBe(`- Retriable: ${retriable ? 'yes' : 'no'}`);

    const sections = read(`${code}.md`).split(/^## /m).slice(1);
    expect(sections.map((section) => section.split('\n')[0])).toEqual([
      'Cause',
      'What to check',
      'Fix',
    ]);
    for (const section of sections)
      expect(section.split('\n').slice(1).join('').length).toBeGreaterThan(20);
  });

  it('has an index with one line for each code, in the order of the table', () => {
    const links = [...read('README.md').matchAll(/^\| \[(\w+)\]\((\w+)\.md\) /gm)];
    expect(links.map(([, name]) => name)).toEqual(codes);
    expect(links.map(([, , page]) => page)).toEqual(codes);
  });

  it('names no setting that does not exist', () => {
    const settings = [
      '../../config/src',
      '../../../services/gateway/src',
      '../../../services/applier/src',
      '../../../services/archiver/src',
      '../../../services/snapshotter/src',
      '../../../services/restore-job/src',
    ]
      .flatMap((path) =>
        readdirSync(join(__dirname, path)).map((name) => join(__dirname, path, name)),
      )
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/env: '(ENTDB_\w+)'/g)])
      .map(([, name]) => name);
    expect(settings.length).toBeGreaterThan(20);
    const named = codes.flatMap((code) => read(`${code}.md`).match(/ENTDB_[A-Z0-9_]+/g) ?? []);
    expect(named.filter((name) => !settings.includes(name))).toEqual([]);
  });
});

describe('an error', () => {
  it('has the status and the advice of its code, and keeps its facts and its cause', () => {
    const cause = new Error('disk');
    const error = new EntError('STORE_UNAVAILABLE', 'cannot write', { tenantId: 'acme', cause });
    expect(error).toMatchObject({
      status: 'unavailable',
      retriable: true,
      name: 'EntError',
      cause,
    });
    expect(error.facts.tenantId).toBe('acme');
    expect('cause' in new EntError('INTERNAL', 'x')).toBe(false);
  });

  it('is told by its code', () => {
    const error: unknown = new EntError('NOT_FOUND', 'no such node');
    expect([
      isEntError(error),
      isEntError(error, 'NOT_FOUND'),
      isEntError(error, 'INTERNAL'),
    ]).toEqual([true, true, false]);
    expect(isEntError(new Error('x'))).toBe(false);
  });

  it('is made of whatever was thrown', () => {
    const error = new Error('x');
    expect(toError(error)).toBe(error);
    expect(toError('text').message).toBe('text');
    expect(toError(undefined).message).toBe('undefined');
  });
});
