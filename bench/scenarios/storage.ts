import { randomBytes } from 'node:crypto'

import { parseEventId, parseUserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Room } from '#rooms/known-rooms.ts'
import type { BuiltEvent } from '#rooms/persist-event.ts'
import { forwardExtremities } from '#storage/event-edges.ts'
import { newestInStreamRange } from '#storage/events.ts'
import { timelinePage } from '#storage/timeline.ts'
import type { Database, Transaction } from '#storage/transaction.ts'

import { openRoomsFloor, testServerName } from '../../test/rooms-floor.ts'
import { bytesOnDisk, printUsage, type DatabasePlace, type DatabaseScenario } from '../kit/database-place.ts'
import { percentiles, type Figures } from '../kit/measure.ts'
import { aRoom, type RoomsFloor } from '../kit/room-load.ts'

const roomCount = 200
const batchEvents = 100
/** Where the pages are measured first, to see what a hundred times as many events change. */
const fewEvents = 10_000
const oneByOne = 300
const pageSamples = 200
const pageEvents = 20
const newestRooms = 100

/** A room that is written to, and what its next event follows. */
interface Target {
  readonly room: Room
  readonly stateNid: number
  last: { nid: number; depth: number }
}

function load(events: number): DatabaseScenario {
  return {
    name: `storage-${events}`,
    about: `${events} events in ${roomCount} rooms`,
    targets: {
      oneByOnePerSecond: { min: 1_000 },
      batchedPerSecond: { min: 10_000 },
      bytesAnEvent: { max: 1_000 },
      pageRatio: { max: 1.5 },
      newestRatio: { max: 1.5 },
      forwardsRatio: { max: 1.5 },
    },
    run: (place) => run(place, events),
  }
}

export const storageScenarios: readonly DatabaseScenario[] = [load(50_000), load(1_000_000)]

async function run(place: DatabasePlace, events: number): Promise<Figures> {
  const database = await place.open()
  const floor = await openRoomsFloor(database)
  const writer = await Writer.open(floor)
  await writer.write(fewEvents)
  const few = await pageTimes(database, writer, fewEvents)
  const started = performance.now()
  await writer.write(events - fewEvents)
  const batchedPerSecond = ((events - fewEvents) / (performance.now() - started)) * 1000
  const many = await pageTimes(database, writer, events)
  const before = performance.now()
  for (let index = 0; index < oneByOne; index++) await writer.writeTo(index % roomCount, 1)
  const oneByOnePerSecond = (oneByOne / (performance.now() - before)) * 1000
  const bytesAnEvent = (await bytesOnDisk(database)) / events
  await printUsage(database, events, 'event')
  await database.close()
  return {
    oneByOnePerSecond,
    batchedPerSecond,
    bytesAnEvent,
    pageMs: many.page,
    pageRatio: many.page / few.page,
    newestMs: many.newest,
    newestRatio: many.newest / few.newest,
    forwardsMs: many.forwards,
    forwardsRatio: many.forwards / few.forwards,
  }
}

/** Writes `count` messages into one room; gives the depth of the last. The room's memory is read again afterwards. */
export async function fillWithMessages(floor: RoomsFloor, room: Room, count: number): Promise<number> {
  const target = await targetOf(floor, room)
  const writer = await Writer.into(floor, [target])
  await floor.roomWriter.exclusively(room, async () => {
    for (let written = 0; written < count; written += batchEvents) await writer.writeTo(0, batchEvents)
  })
  return target.last.depth
}

/** Numbers of events, far from where the rooms' own events are numbered; each is used once in a process. */
let nextNid = 10_000_000

/** Writes messages into many rooms, built beforehand: what is measured is their storing alone. */
class Writer {
  readonly #floor: RoomsFloor
  readonly targets: readonly Target[]
  readonly #senderNid: number

  private constructor(floor: RoomsFloor, targets: readonly Target[], senderNid: number) {
    this.#floor = floor
    this.targets = targets
    this.#senderNid = senderNid
  }

  static async open(floor: RoomsFloor): Promise<Writer> {
    const targets: Target[] = []
    for (let index = 0; index < roomCount; index++) targets.push(await targetOf(floor, await aRoom(floor)))
    return Writer.into(floor, targets)
  }

  static async into(floor: RoomsFloor, targets: readonly Target[]): Promise<Writer> {
    return new Writer(floor, targets, await floor.interned.userNid(sender))
  }

  /** Writes `count` events in batches, one to each room in turn, several under way at once. */
  async write(count: number): Promise<void> {
    for (let written = 0; written < count;) {
      const work: Promise<void>[] = []
      for (let index = 0; index < this.targets.length && written < count; index++) {
        const size = Math.min(batchEvents, Math.ceil(fewEvents / roomCount), count - written)
        work.push(this.writeTo(index, size))
        written += size
      }
      await Promise.all(work)
    }
  }

  /** Writes one batch to one room. */
  async writeTo(index: number, count: number): Promise<void> {
    const target = this.targets[index]
    if (target === undefined) throw new RangeError(`no room ${index}`)
    const before = target.last.nid
    const built: BuiltEvent[] = []
    for (let each = 0; each < count; each++) built.push(this.#built(target))
    await this.#floor.persistEvent.persist({
      room: target.room,
      built,
      extremities: { remove: [before], add: [target.last.nid] },
      alsoWrite: undefined,
    })
  }

  #built(target: Target): BuiltEvent {
    const eventNid = nextNid++
    const prevNids = [target.last.nid]
    const depth = target.last.depth + 1
    target.last = { nid: eventNid, depth }
    return builtMessage({ target, eventNid, depth, prevNids, senderNid: this.#senderNid })
  }
}

const sender = parseUserId(`@alice:${testServerName}`)

async function targetOf(floor: RoomsFloor, room: Room): Promise<Target> {
  const [end] = await floor.database.runInteraction('extremities', (txn) => forwardExtremities(txn, room.roomNid))
  if (end === undefined) throw new Error('a new room has no end')
  return { room, stateNid: end.stateNid, last: { nid: end.eventNid, depth: end.depth } }
}

const ids = randomBytes(1 << 16)

function randomId(seed: number, bytes: number, encoding: 'base64' | 'base64url'): string {
  const at = (seed * 7_919) % (ids.length - 64)
  const mixed = Buffer.from(ids.subarray(at, at + bytes))
  mixed.writeDoubleLE(seed, 0)
  return mixed.toString(encoding).replaceAll('=', '')
}

function builtMessage(made: {
  readonly target: Target
  readonly eventNid: number
  readonly depth: number
  readonly prevNids: readonly number[]
  readonly senderNid: number
}): BuiltEvent {
  const { target, eventNid, depth } = made
  const originServerTs = 1_700_000_000_000 + eventNid
  const content: JsonObject = { body: `Event ${eventNid} of a bench; as long as what people write.`, msgtype: 'm.text' }
  const eventId = parseEventId(`$${randomId(eventNid * 3, 32, 'base64url')}`)
  const json = JSON.stringify({
    auth_events: [1, 2, 3].map((of) => `$${randomId(target.room.roomNid * 10 + of, 32, 'base64url')}`),
    content,
    depth,
    hashes: { sha256: randomId(eventNid * 3 + 1, 32, 'base64') },
    origin_server_ts: originServerTs,
    prev_events: [`$${randomId((made.prevNids[0] ?? 0) * 3, 32, 'base64url')}`],
    room_id: target.room.roomId,
    sender,
    signatures: { [testServerName]: { 'ed25519:test': randomId(eventNid * 3 + 2, 64, 'base64') } },
    type: 'm.room.message',
  })
  const pdu: JsonObject = { content }
  const roomId = target.room.roomId
  const event = {
    eventId,
    roomId,
    type: 'm.room.message',
    sender,
    stateKey: undefined,
    content,
    depth,
    originServerTs,
    authEvents: [],
    prevEvents: [],
    pdu,
  }
  const row = {
    eventNid,
    eventId,
    roomNid: target.room.roomNid,
    type: 'm.room.message',
    keyNid: null,
    senderNid: made.senderNid,
    topological: depth,
    originServerTs,
    receivedTs: originServerTs,
    outlier: 0,
    softFailed: 0,
    rejected: null,
    redactedBy: null,
    stateBefore: target.stateNid,
    stateAfter: target.stateNid,
    replacesNid: null,
    deviceId: 'DEVICE',
    txnId: `m${eventNid}.0`,
    json,
  }
  return { event, row, prevNids: made.prevNids, authNids: [], newStates: [], member: undefined, redactsNid: undefined }
}

/** Median milliseconds of a page backwards, forwards, and of the newest events of many rooms. */
async function pageTimes(
  database: Database,
  writer: Writer,
  events: number,
): Promise<{ page: number; forwards: number; newest: number }> {
  const perRoom = events / roomCount
  const edge = { topological: 0, stream: 0 }
  const end = { topological: Number.MAX_SAFE_INTEGER, stream: Number.MAX_SAFE_INTEGER }
  const page = (direction: 'backwards' | 'forwards') => (index: number) => {
    const roomNid = writer.targets[(index * 37) % roomCount]?.room.roomNid ?? 0
    const from = {
      topological: Math.max(pageEvents + 8, Math.floor((((index * 7_919) % 1_000) / 1_000) * perRoom)),
      stream: 0,
    }
    const until = direction === 'backwards' ? edge : end
    const range = { roomNid, direction, from, until, arrivedAfter: 0, arrivedBy: end.stream, limit: pageEvents }
    return (txn: Transaction) => timelinePage(txn, range)
  }
  const roomNids = writer.targets.slice(0, newestRooms).map(({ room }) => room.roomNid)
  const newest = () => (txn: Transaction) =>
    newestInStreamRange(txn, { roomNids, after: 0, upTo: end.stream, limit: pageEvents })
  return {
    page: await median(database, pageSamples, page('backwards')),
    forwards: await median(database, pageSamples, page('forwards')),
    newest: await median(database, 30, newest),
  }
}

async function median(
  database: Database,
  count: number,
  work: (index: number) => (txn: Transaction) => Promise<unknown>,
): Promise<number> {
  const latencies: number[] = []
  for (let index = -10; index < count; index++) {
    const before = performance.now()
    await database.runInteraction('bench_page', work(Math.abs(index)), { readOnly: true })
    if (index >= 0) latencies.push(performance.now() - before)
  }
  return percentiles(latencies).p50Ms
}
