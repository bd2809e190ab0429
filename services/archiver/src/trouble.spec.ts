import { describeTrouble } from './conformance/trouble.ts';
import { inMemory, onDirectory } from './testing/worlds.ts';

describeTrouble(inMemory);
describeTrouble(onDirectory);
