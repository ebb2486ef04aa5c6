import { nameCache, type CacheFigures } from '#base/named-caches.ts'
import type { LiveRoom } from './live-room.ts'

/** What the rooms in memory take and how often they were there, for the metrics. */
export class LiveRoomFigures implements CacheFigures {
  hits = 0
  misses = 0
  evictions = 0
  readonly #rooms: ReadonlyMap<number, { readonly live: Pick<LiveRoom, 'state'> }>

  constructor(rooms: ReadonlyMap<number, { readonly live: Pick<LiveRoom, 'state'> }>) {
    this.#rooms = rooms
    nameCache('live_rooms', this)
  }

  /** Rooms in memory. */
  get size(): number {
    return this.#rooms.size
  }

  /** Bytes of their states. Linear in the number of rooms. */
  get bytes(): number {
    let bytes = 0
    for (const { live } of this.#rooms.values()) bytes += live.state.bytes
    return bytes
  }
}
