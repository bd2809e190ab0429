/** Method: the run of `make every-offset`, short, with a seed that is printed by the name of the test. */
import { describeEveryOffset } from './suite.ts';

describeEveryOffset({ s3: false, records: 48 });
