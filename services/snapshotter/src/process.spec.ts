import { inDirectory } from './testing/place.ts';
import { describeProcess } from './testing/process-suite.ts';

describeProcess('a directory', inDirectory);
