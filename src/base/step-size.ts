/** How much a step does before anything is known of how long that takes. */
const sizeFirst = 16
/** A step is at most so many times larger than the one before it. */
const growthMax = 2

/**
 * How much one step of long work does, learned from how long the steps before it took, so that whoever has to wait for
 * a step waits about `aimMs`.
 */
export class StepSize {
  readonly #aimMs: number
  readonly #max: number
  #size: number

  /** `max` bounds what one step takes in, however quick it is. */
  constructor(options: { readonly aimMs: number; readonly max: number }) {
    this.#aimMs = options.aimMs
    this.#max = options.max
    this.#size = Math.min(sizeFirst, options.max)
  }

  /** How many rows, or whatever the work consists of, the next step should take; at least 1. */
  get size(): number {
    return Math.max(1, Math.floor(this.#size))
  }

  /** Learns that a step of the present size took so long. */
  took(ms: number): void {
    const factor = Math.min(growthMax, this.#aimMs / Math.max(ms, Number.EPSILON))
    this.#size = Math.min(this.#max, Math.max(1, this.#size * factor))
  }
}
