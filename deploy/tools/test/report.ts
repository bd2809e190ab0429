/** The part of jest's own JSON results that the verdict needs. */
export interface JestResults {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

export interface Verdict {
  readonly line: string;
  readonly ok: boolean;
  readonly skipped: readonly string[];
}

/**
 * The closing line and whether it is good news. A suite that did not load counts as one failure, a
 * run without a passed test is no success, and with `strict` (CI) a skipped test is a failure: the
 * part it needs was promised.
 */
export function judge(results: JestResults, strict: boolean): Verdict {
  const passed = results.numPassedTests;
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = results.testResults.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'pending' || status === 'todo')
      .map(({ fullName }) => fullName),
  );
  const skips = results.numPendingTests + results.numTodoTests;
  return {
    line: `Tests: ${passed} passed, ${failed} failed, ${skips} skipped`,
    ok: failed === 0 && passed > 0 && !(strict && skips > 0),
    skipped,
  };
}

/** The line when jest left no results at all: it never got as far as a test. */
export const NO_RESULTS: Verdict = {
  line: 'Tests: 0 passed, 1 failed, 0 skipped',
  ok: false,
  skipped: [],
};
