/** Method: as all-operations.slow.spec.ts, on an S3 server. */
import { describeEveryOffset } from './suite.ts';

describeEveryOffset({ s3: true, records: 24 });
