export { open } from '../two-rest-calls/by-hand.ts';
