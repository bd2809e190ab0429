/** Method: as recovery-chaos.slow.spec.ts, on an S3 server. */
import { describeRecoveryChaos } from './suite.ts';

describeRecoveryChaos({ s3: true, rounds: 8 });
