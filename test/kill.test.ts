/**
 * `kill -9` in a storm of sends, again and again over the same data: what was answered is there, once; what was sent
 * again under its transaction id is the same event.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { engines } from './databases.ts'
import { postgresMissing } from './postgres.ts'
import { serverPlace, startServer, type ServerProcess } from './server-process.ts'

const rounds = 20
const senders = 16
/** Events to be answered before the kill, at most. Where in a commit it falls is up to chance. */
const answersMax = 250

/** A person's plain HTTP. `address` changes with each start. */
class Sender {
  readonly #token: string
  #address: string

  constructor(address: string, token: string) {
    this.#address = address
    this.#token = token
  }

  movesTo(address: string): void {
    this.#address = address
  }

  async ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const headers = { authorization: `Bearer ${this.#token}` }
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const response = await fetch(`${this.#address}/_matrix/client/v3${path}`, init)
    const answer = (await response.json()) as Record<string, unknown>
    assert.equal(response.status, 200, `${method} ${path}: ${JSON.stringify(answer)}`)
    return answer
  }

  /** Sends the text that names the transaction; gives the event id. */
  async send(roomId: string, txnId: string): Promise<string> {
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${txnId}`
    const { event_id: eventId } = await this.ask('PUT', path, { msgtype: 'm.text', body: txnId })
    assert.ok(typeof eventId === 'string')
    return eventId
  }

  /** Event ids of all texts of a room by transaction, from its end to its beginning. */
  async texts(roomId: string): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>()
    let from: string | undefined
    do {
      const query = new URLSearchParams({ dir: 'b', limit: '500', ...(from === undefined ? {} : { from }) })
      const page = await this.ask('GET', `/rooms/${encodeURIComponent(roomId)}/messages?${query}`)
      for (const event of page['chunk'] as { type: string; event_id: string; content: { body: string } }[]) {
        if (event.type !== 'm.room.message') continue
        found.set(event.content.body, [...(found.get(event.content.body) ?? []), event.event_id])
      }
      from = page['end'] as string | undefined
    } while (from !== undefined)
    return found
  }
}

async function register(address: string): Promise<Sender> {
  const body = JSON.stringify({ username: 'storm', password: 'correct horse', auth: { type: 'm.login.dummy' } })
  const response = await fetch(`${address}/_matrix/client/v3/register`, { method: 'POST', body })
  const answer = (await response.json()) as { access_token: string }
  assert.equal(response.status, 200, JSON.stringify(answer))
  return new Sender(address, answer.access_token)
}

/** What was sent: transactions with the event ids they were answered with, or without an answer. */
interface Ledger {
  readonly answered: Map<string, string>
  readonly unanswered: Set<string>
}

/** Sends from all sides until enough is answered, then kills the server, which leaves some without an answer. */
async function storm(
  sender: Sender,
  server: ServerProcess,
  { roomIds, round, ledger }: { roomIds: readonly string[]; round: number; ledger: Ledger },
): Promise<void> {
  const wanted = ledger.answered.size + randomInt(answersMax)
  let killed: Promise<void> | undefined
  const one = async (who: number): Promise<void> => {
    for (let count = 0; killed === undefined; count += 1) {
      const txnId = `r${round}-s${who}-${count}`
      ledger.unanswered.add(txnId)
      try {
        ledger.answered.set(txnId, await sender.send(roomIds[who % roomIds.length] ?? '', txnId))
        ledger.unanswered.delete(txnId)
      } catch (error) {
        if (killed === undefined) throw error
      }
      if (ledger.answered.size >= wanted) killed ??= server.kill()
    }
  }
  await Promise.all(Array.from({ length: senders }, (_, who) => one(who)))
  await killed
}

/** The room that a transaction was sent to. */
function roomFor(txnId: string, roomIds: readonly string[]): string {
  return roomIds[Number(/-s(\d+)-/.exec(txnId)?.[1]) % roomIds.length] ?? ''
}

/** Sends again what had no answer, and some that had; then every text must be there once, under its own event id. */
async function settle(sender: Sender, roomIds: readonly string[], ledger: Ledger): Promise<void> {
  for (const txnId of ledger.unanswered) ledger.answered.set(txnId, await sender.send(roomFor(txnId, roomIds), txnId))
  ledger.unanswered.clear()
  for (const [txnId, eventId] of [...ledger.answered].slice(-senders)) {
    assert.equal(await sender.send(roomFor(txnId, roomIds), txnId), eventId, `${txnId} sent again`)
  }
  const found = new Map<string, string[]>()
  for (const roomId of roomIds) for (const [txnId, ids] of await sender.texts(roomId)) found.set(txnId, ids)
  for (const [txnId, eventId] of ledger.answered) assert.deepEqual(found.get(txnId), [eventId], txnId)
  assert.equal(found.size, ledger.answered.size)
}

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`kill -9 in a storm of sends loses and doubles no answered event (${engine})`, { skip }, async (t) => {
    let server: ServerProcess | undefined
    t.after(() => server?.kill())
    const place = await serverPlace(t, engine)
    server = await startServer(place)
    const sender = await register(server.address)
    const roomIds: string[] = []
    for (const name of ['one', 'two'])
      roomIds.push((await sender.ask('POST', '/createRoom', { name }))['room_id'] as string)
    const ledger: Ledger = { answered: new Map(), unanswered: new Set() }
    for (let round = 1; round <= rounds; round += 1) {
      await storm(sender, server, { roomIds, round, ledger })
      server = await startServer(place)
      sender.movesTo(server.address)
      await settle(sender, roomIds, ledger)
    }
    assert.equal(await server.stop(), 0)
    t.diagnostic(`${ledger.answered.size} events answered over ${rounds} kills`)
  })
}
