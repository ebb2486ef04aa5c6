import { randomBytes, randomInt } from 'node:crypto'

/** Where chance comes from. Given to whatever needs it, so that a test can hold it in its hand. */
export interface Random {
  /** A number from 0 (included) to 1 (excluded); for jitter, not for secrets. */
  fraction(): number
  /** A whole number from 0 (included) to `limit` (excluded); fit for secrets. */
  below(limit: number): number
  /** `count` bytes fit for secrets. */
  bytes(count: number): Uint8Array
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  below: (limit) => randomInt(limit),
  bytes: (count) => new Uint8Array(randomBytes(count)),
}
