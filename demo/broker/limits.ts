/** The bounds of the demo's broker. Generous for a demo, small enough that nothing it is sent can hurt the process. */
export const LIMITS = {
  connections: 64,
  /** Per connection; what RabbitMQ offers. */
  channels: 2047,
  /** What is offered at login. A larger frame ends the connection. */
  frameBytes: 131_072,
  messageBytes: 16 * 1024 ** 2,
  exchanges: 1000,
  queues: 5000,
  bindings: 20_000,
  consumersPerChannel: 1000,
  /** Per queue; the oldest message gives way. */
  queueMessages: 10_000,
  queueBytes: 64 * 1024 ** 2,
  /** Waiting in one socket's buffer: from the first on nothing is delivered there, at the second it is cut off. */
  unsentBytes: 4 * 1024 ** 2,
  unsentBytesAtMost: 64 * 1024 ** 2,
  /** Seconds; what is offered at login. */
  heartbeat: 60,
  loginMs: 10_000,
  tableDepth: 32,
} as const;
