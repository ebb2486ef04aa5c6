import { Linearizer } from '#base/linearizer.ts'

import { refuseNested } from './engines/interaction-scope.ts'
import type { Database } from './transaction.ts'

/** Numbers taken from the database at once; what is left of a block when the process ends is never used. */
const blockNumbersMin = 65_536

interface Block {
  next: number
  /** The first number that is not ours. */
  end: number
}

/**
 * Sequences of numbers (integer ids, stream positions) handed out from durable blocks, so that most calls do not touch
 * the database. A number is never handed out twice, not after a crash and not by another process.
 */
export class IdBlocks {
  readonly #database: Database
  readonly #blocks = new Map<string, Block>()
  readonly #linearizer = new Linearizer<string>()

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /**
   * Gives the first of `count` consecutive numbers (≥ 1) of the sequence `name`. Numbers grow from call to call. To be
   * called before an interaction, never inside one: it may need an interaction of its own.
   */
  async reserve(name: string, count: number): Promise<number> {
    refuseNested(`reserve_ids_${name}`)
    return this.#taken(name, count) ?? this.#linearizer.run(name, () => this.#refill(name, count))
  }

  #taken(name: string, count: number): number | undefined {
    const block = this.#blocks.get(name)
    if (block === undefined || block.end - block.next < count) return undefined
    const first = block.next
    block.next += count
    return first
  }

  async #refill(name: string, count: number): Promise<number> {
    const taken = this.#taken(name, count)
    if (taken !== undefined) return taken
    const size = Math.max(count, blockNumbersMin)
    const row = await this.#database.runInteraction('reserve_ids', (txn) =>
      txn.get<{ next: number }>(
        `INSERT INTO id_blocks (name, next) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET next = id_blocks.next + ? RETURNING next`,
        name,
        1 + size,
        size,
      ),
    )
    if (row === undefined) throw new Error(`id_blocks gave no row for ${name}`)
    this.#blocks.set(name, { next: row.next - size + count, end: row.next })
    return row.next - size
  }
}
