/** Two processes, on a Redis. */
import { describe } from 'vitest';
import { managesApis } from './cases.ts';
import { sliceCases } from './slice-cases.ts';

describe('two processes on Redis', () => managesApis('redis', sliceCases));
