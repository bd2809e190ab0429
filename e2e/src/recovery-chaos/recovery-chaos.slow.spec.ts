/** Method: the run of `make recovery-chaos`, short, with a seed that is printed by the name of the test. */
import { describeRecoveryChaos } from './suite.ts';

describeRecoveryChaos({ s3: false, rounds: 15 });
