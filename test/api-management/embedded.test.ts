/** One process, on the embedded store. */
import { describe } from 'vitest';
import { managesApis } from './cases.ts';

describe('on the embedded store', () => managesApis('embedded'));
