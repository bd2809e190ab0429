import { type JestResults, judge } from './report.ts';

const results = (changes: Partial<JestResults>): JestResults => ({
  numPassedTests: 123,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
  testResults: [],
  ...changes,
});

describe('the verdict on a test run', () => {
  it('counts passed, failed and skipped on one line', () => {
    const mixed = results({ numFailedTests: 1, numPendingTests: 1, numTodoTests: 1 });
    expect(judge(mixed, false)).toMatchObject({
      line: 'Tests: 123 passed, 1 failed, 2 skipped',
      ok: false,
    });
  });

  it('is good only when something passed and nothing failed', () => {
    expect(judge(results({}), true).ok).toBe(true);
    expect(judge(results({ numPassedTests: 0 }), false).ok).toBe(false);
    expect(judge(results({ numFailedTests: 1 }), false).ok).toBe(false);
  });

  it('counts a suite that did not load as a failure', () => {
    expect(judge(results({ numRuntimeErrorTestSuites: 1 }), false)).toMatchObject({
      line: 'Tests: 123 passed, 1 failed, 0 skipped',
      ok: false,
    });
  });

  it('refuses a skip where everything was promised, and names it', () => {
    const skipping = results({
      numPendingTests: 1,
      testResults: [
        { name: 'a.spec.ts', assertionResults: [{ fullName: 'needs Kafka', status: 'pending' }] },
      ],
    });
    expect(judge(skipping, false).ok).toBe(true);
    expect(judge(skipping, true)).toMatchObject({ ok: false, skipped: ['needs Kafka'] });
  });
});
