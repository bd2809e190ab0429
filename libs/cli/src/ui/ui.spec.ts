import { EntError } from '@entdb/base';
import { formatTable, type Output } from './output.ts';
import { reportError } from './report-error.ts';

/** What a command said on standard error. */
function listening() {
  const notes: string[] = [];
  const output: Output = {
    line: () => {},
    json: () => {},
    table: () => {},
    note: (text) => notes.push(text),
  };
  return { notes, output };
}

it('a table has its columns in line, and no blanks at the end of lines', () => {
  const rows = [
    ['entdb-wal', '8', 'ok'],
    ['x', '128', ''],
  ];
  expect(formatTable(['TOPIC', 'N', 'STATE'], rows)).toBe(
    ['TOPIC      N    STATE', 'entdb-wal  8    ok', 'x          128'].join('\n'),
  );
  expect(formatTable(['A', 'B'], [])).toBe('A  B');
});

describe('an error', () => {
  it('says what, where, why and what to try', () => {
    const { notes, output } = listening();
    const error = new EntError('LOG_GAP', 'records are missing', {
      tenantId: 'acme',
      position: { topic: 'entdb-wal', partition: 3, offset: 0 },
      field: 'scope',
      hint: 'look at the log',
      cause: new Error('the disk'),
    });
    expect(reportError(error, output)).toBe(1);
    expect(notes).toEqual([
      'LOG_GAP: records are missing',
      '  Where: tenant acme, entdb-wal/3/0, at scope',
      '  Why: the disk',
      '  Try: look at the log',
    ]);
  });

  it('without a hint points at its page', () => {
    const { notes, output } = listening();
    reportError(new EntError('LOG_GAP', 'records are missing'), output);
    expect(notes).toEqual(['LOG_GAP: records are missing', '  Try: entdb explain LOG_GAP']);
  });

  it('that is a fault of the program keeps its stack', () => {
    const { notes, output } = listening();
    expect(reportError(new TypeError('not a function'), output)).toBe(1);
    expect(notes[0]).toMatch(/TypeError: not a function\n\s+at /);
  });
});
