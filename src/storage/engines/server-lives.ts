import type { ClientBase, QueryResult } from 'pg'

/** A server from a start, or from a crash of one of its sessions, to the next. */
interface Life {
  readonly name: string
  /** The first number of a transaction that recovery did not know; undefined when it could not be told any more. */
  readonly firstXid: bigint | undefined
}

interface LifeRow {
  readonly life: string
  readonly next: string
  readonly fresh: number
}

/**
 * Tells the lives of a server apart: it forgets its statistics when it crashes. The checkpoint at the end of recovery says
 * which number of a transaction came next; it is told from later ones by having nothing between its two positions.
 */
export const lifeSql = `SELECT concat(pg_postmaster_start_time(), ' ', stats_reset) AS life, next_xid AS next,
  (checkpoint_lsn = redo_lsn)::integer AS fresh FROM pg_stat_bgwriter, pg_control_checkpoint()`

/** What a number means that a transaction had in an earlier life. */
export type Standing = 'same life' | 'kept' | 'given again' | 'unknown'

/**
 * The lives of a PostgreSQL server that this process has seen. A server that has crashed gives numbers of transactions of
 * which nothing had come to its log a second time, so "committed" may be said of somebody else's.
 */
export class ServerLives {
  readonly #lives: Life[] = []
  readonly #ofClient = new WeakMap<ClientBase, string>()

  /** Notes in which life a connection was made, from what `lifeSql` gave on it. */
  note(client: ClientBase, answer: QueryResult | undefined): void {
    const row = answer?.rows[0] as LifeRow | undefined
    if (row === undefined) return
    this.#ofClient.set(client, row.life)
    if (this.#lives.some(({ name }) => name === row.life)) return
    this.#lives.push({ name: row.life, firstXid: row.fresh === 1 ? fullXid(row.next) : undefined })
  }

  /** The life in which a connection was made. */
  of(client: ClientBase): string | undefined {
    return this.#ofClient.get(client)
  }

  /**
   * What the number `xid` of a transaction of `life` means now. One that a later life has given again did not come to the
   * log in its own. Lives that this process has not seen are not counted: it asks as soon as the server is there again.
   */
  standing(xid: string, life: string | undefined): Standing {
    const index = this.#lives.findIndex(({ name }) => name === life)
    if (index === -1) return 'unknown'
    const later = this.#lives.slice(index + 1)
    if (later.length === 0) return 'same life'
    const number = BigInt(xid)
    if (later.some(({ firstXid }) => firstXid !== undefined && firstXid <= number)) return 'given again'
    return later.every(({ firstXid }) => firstXid !== undefined) ? 'kept' : 'unknown'
  }
}

/** `epoch:xid` as one number. */
function fullXid(text: string): bigint {
  const [epoch = '0', xid = '0'] = text.split(':')
  return (BigInt(epoch) << 32n) + BigInt(xid)
}
