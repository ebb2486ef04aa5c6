import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Database } from '#storage/transaction.ts'
import { openPeople, type Answered, type People } from './people.ts'

/** Someone with a client: calls are theirs. */
export class Person {
  readonly userId: string
  readonly #people: People
  readonly #token: string
  #txn = 0

  constructor(people: People, account: { userId: string; token: string }) {
    this.#people = people
    this.userId = account.userId
    this.#token = account.token
  }

  /** Calls a door. */
  call(method: string, path: string, body?: unknown): Promise<Answered> {
    return this.#people.call(method, path, { token: this.#token, ...(body === undefined ? {} : { body }) })
  }

  /** Calls a door that has to answer with 200; gives the body. */
  async ok(method: string, path: string, body?: unknown): Promise<Answered['body']> {
    const answer = await this.call(method, path, body)
    assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  /** Makes a room; gives its id. */
  async createRoom(request: object = {}): Promise<string> {
    return (await this.ok('POST', `/_matrix/client/v3/createRoom`, request)).room_id
  }

  /** Sends an event; gives its id. */
  async send(roomId: string, content: object, type = 'm.room.message'): Promise<string> {
    const path = `/_matrix/client/v3/rooms/${roomId}/send/${type}/t${++this.#txn}`
    return (await this.ok('PUT', path, content)).event_id
  }

  /** Sends a text; gives the event's id. */
  say(roomId: string, body: string): Promise<string> {
    return this.send(roomId, { msgtype: 'm.text', body })
  }

  /** Sets state under the empty key. */
  state(roomId: string, type: string, content: object): Promise<Answered['body']> {
    return this.ok('PUT', `/_matrix/client/v3/rooms/${roomId}/state/${type}/`, content)
  }
}

/** Alice, Bob and Carol, registered at the doors of a test's server. */
export async function openTalkers(
  t: TestContext,
  database: Database,
): Promise<{ people: People; alice: Person; bob: Person; carol: Person }> {
  const people = await openPeople(t, database)
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => people.person(name)))
  assert.ok(alice && bob && carol)
  return {
    people,
    alice: new Person(people, alice),
    bob: new Person(people, bob),
    carol: new Person(people, carol),
  }
}

/** The ids of events, in their order. */
export function idsOf(events: readonly { event_id: string }[]): string[] {
  return events.map((event) => event.event_id)
}
