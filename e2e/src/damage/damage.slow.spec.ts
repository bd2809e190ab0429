/** Method: the run of `make damage`, short, with a seed that is printed by the name of the test. */
import { describeDamage } from './suite.ts';

describeDamage({ s3: false, oneOf: 151 });
