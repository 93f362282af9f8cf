/**
 * Ends the process when Node is too old, and says what to do. Plain JavaScript, and loaded before anything else, because
 * such a Node reads no TypeScript and would only say "Unknown file extension".
 */
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const needed = Number.parseInt(engines.node.replace(/^\D+/, ''), 10);

if (Number.parseInt(process.versions.node, 10) < needed) {
  console.error(
    `Hem needs Node ${needed} or newer; this is Node ${process.versions.node} (${process.execPath}).`,
  );
  console.error(
    '`npm ci` installs one beside the other packages, unless install scripts are switched off, and',
  );
  console.error(
    '`npm start`, `npm test` and `npx hem` then use it. `npm rebuild node` repairs a skipped install script.',
  );
  process.exit(2);
}
