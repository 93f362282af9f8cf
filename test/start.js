/** `npm test` begins here, in plain JavaScript: also a Node that is too old must end with the closing line. */
const fail = () => console.log('0 passed, 1 failed');

process.once('exit', fail);
await import('../src/node-version.js');
process.off('exit', fail);
await import('./run.ts');
