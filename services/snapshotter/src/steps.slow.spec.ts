import { inDirectory } from './testing/place.ts';
import { describeSteps } from './testing/steps-suite.ts';

describeSteps('a directory', inDirectory);
