/** Method: as damage.slow.spec.ts; the bytes are changed in the files of an S3 server. */
import { describeDamage } from './suite.ts';

describeDamage({ s3: true, oneOf: 601 });
