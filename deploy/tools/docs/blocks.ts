/**
 * A document as the steps it asks for. Pure: the same text gives the same steps, and a document that
 * cannot be obeyed to the letter is refused with the line at fault. README.md has the convention.
 */
export type Step =
  | {
      readonly kind: 'run';
      readonly line: number;
      readonly text: string;
      readonly output: string | undefined;
    }
  | {
      readonly kind: 'background';
      readonly line: number;
      readonly text: string;
      readonly until: string;
    }
  | {
      readonly kind: 'source';
      readonly line: number;
      readonly text: string;
      readonly path: string;
    }
  /** Ends what runs in the background, before the block of this text. */
  | { readonly kind: 'stop'; readonly line: number; readonly text: string };

interface Fence {
  readonly line: number;
  readonly language: string;
  readonly text: string;
  readonly comment: string | undefined;
}

type Marker =
  | { readonly kind: 'run' | 'stop-then-run' | 'output' | 'not-run' }
  | { readonly kind: 'background'; readonly until: string }
  | { readonly kind: 'source'; readonly path: string };

export function parseSteps(markdown: string): readonly Step[] {
  const steps: Step[] = [];
  for (const fence of fencesOf(markdown)) {
    const marker = markerOf(fence.comment);
    const { line, text } = fence;
    switch (marker?.kind) {
      case undefined:
        if (fence.language === 'sh') {
          throw new Error(`line ${line}: say above this block: run, background or not run`);
        }
        break;
      case 'stop-then-run':
        steps.push({ kind: 'stop', line, text }, { kind: 'run', line, text, output: undefined });
        break;
      case 'run':
        steps.push({ kind: 'run', line, text, output: undefined });
        break;
      case 'background':
        steps.push({ kind: 'background', line, text, until: marker.until });
        break;
      case 'source':
        steps.push({ kind: 'source', line, text, path: marker.path });
        break;
      case 'output': {
        const before = steps.pop();
        if (before?.kind !== 'run' || before.output !== undefined) {
          throw new Error(`line ${line}: an output follows a block that is run`);
        }
        steps.push({ ...before, output: text });
        break;
      }
      case 'not-run':
        break;
    }
  }
  return steps;
}

function markerOf(comment: string | undefined): Marker | undefined {
  if (comment === 'run' || comment === 'output') return { kind: comment };
  if (comment === 'stop, then run') return { kind: 'stop-then-run' };
  const until = /^background until "(.+)"$/.exec(comment ?? '')?.[1];
  if (until !== undefined) return { kind: 'background', until };
  const path = /^source (\S+)$/.exec(comment ?? '')?.[1];
  if (path !== undefined) return { kind: 'source', path };
  return /^not run: \S/.test(comment ?? '') ? { kind: 'not-run' } : undefined;
}

/** Fences with the comment directly above them; blank lines may stand between. */
function fencesOf(markdown: string): readonly Fence[] {
  const fence = /^(?:<!-- (.+?) -->\n+)?(`{3,})(\w*)[^\n]*\n([\s\S]*?)^\2$/gm;
  return [...markdown.matchAll(fence)].map((match) => {
    const [whole, comment, , language = '', text = ''] = match;
    const before = markdown.slice(0, match.index) + whole.slice(0, whole.indexOf('```'));
    return { line: before.split('\n').length, language, text: text.trimEnd(), comment };
  });
}
