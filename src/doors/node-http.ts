/**
 * `createServer` of node:http. An import of that module asks for everything that it exports, and among that is WebSocket, whose first
 * mention loads Node's own fetch: 16 MB and 45 ms.
 */
export const { createServer } = process.getBuiltinModule('node:http');
