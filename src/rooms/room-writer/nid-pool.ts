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
