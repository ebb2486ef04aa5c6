/** Where time comes from. Given to whatever needs it, so that a test can hold it in its hand. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. May jump when the machine's clock is set. */
  now(): number
  /** Milliseconds since some fixed moment; never goes back. For measuring and for time-outs. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
