export { startBackends } from '../two-rest-calls/backends.ts';
