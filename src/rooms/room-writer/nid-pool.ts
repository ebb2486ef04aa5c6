import { forEverybody } from '#observability/asker.ts'

/** Hands out durable numbers in blocks: `storage/id-blocks.ts`. */
interface NumberSource {
  reserve(name: string, count: number): Promise<number>
}

const refillCount = 1024

/** Integer ids at hand: most calls need no trip to where numbers come from. */
export class NidPool {
  readonly #source: NumberSource
  readonly #name: string
  #next = 0
  #end = 0
  #refilling: Promise<void> | undefined

  constructor(source: NumberSource, name: string) {
    this.#source = source
    this.#name = name
  }

  /** A number that nobody else is given, ever. */
  async next(): Promise<number> {
    while (this.#next >= this.#end) await (this.#refilling ??= forEverybody(() => this.#refill()))
    return this.#next++
  }

  /** A number as `next` gives it, but at once; undefined when `fill` has to be called before. */
  take(): number | undefined {
    return this.#next < this.#end ? this.#next++ : undefined
  }

  /** Fetches numbers, so that `take` has some. */
  async fill(): Promise<void> {
    await (this.#refilling ??= forEverybody(() => this.#refill()))
  }

  async #refill(): Promise<void> {
    try {
      const first = await this.#source.reserve(this.#name, refillCount)
      this.#next = first
      this.#end = first + refillCount
    } finally {
      this.#refilling = undefined
    }
  }
}
