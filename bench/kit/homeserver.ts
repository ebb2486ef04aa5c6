import { createHmac, randomBytes } from 'node:crypto'

import { Wire } from './wire.ts'

/** Somebody who is logged in. */
export interface BenchUser {
  readonly userId: string
  readonly token: string
}

/** How somebody syncs. */
export interface SyncOptions {
  readonly since?: string
  readonly timeoutMs?: number
  /** The text of a filter. */
  readonly filter?: string
}

/** Password of everyone who is made here. */
const password = 'correct horse battery staple'

/** A homeserver as its clients see it. Every method throws when the answer is not a success. */
export class Homeserver {
  readonly #wire: Wire
  readonly #sharedSecret: string | undefined
  #transactions = 0
  /** Keeps transaction ids and names of one run apart from those of others against the same server. */
  readonly #run = randomBytes(4).toString('hex')

  constructor(url: string, sharedSecret: string | undefined) {
    this.#wire = new Wire(url)
    this.#sharedSecret = sharedSecret
  }

  close(): void {
    this.#wire.close()
  }

  async versions(token?: string): Promise<void> {
    await this.#call('GET', '/_matrix/client/versions', token)
  }

  /** Registers a user of this run with the name `name`. */
  async register(name: string): Promise<BenchUser> {
    const username = `bench-${this.#run}-${name}`
    const answer =
      this.#sharedSecret === undefined ? await this.#registerOpen(username) : await this.#registerBySecret(username)
    const { user_id, access_token } = JSON.parse(answer) as { user_id: string; access_token: string }
    return { userId: user_id, token: access_token }
  }

  async createRoom(user: BenchUser, options: object = { preset: 'public_chat' }): Promise<string> {
    const answer = await this.#call('POST', '/_matrix/client/v3/createRoom', user.token, JSON.stringify(options))
    return (JSON.parse(answer) as { room_id: string }).room_id
  }

  async join(user: BenchUser, roomId: string): Promise<void> {
    await this.#call('POST', `/_matrix/client/v3/join/${encodeURIComponent(roomId)}`, user.token, '{}')
  }

  /** Sends a text of the length that people write. */
  async send(user: BenchUser, roomId: string): Promise<void> {
    this.#transactions += 1
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${this.#run}${this.#transactions}`
    const body = `{"msgtype":"m.text","body":"Event number ${this.#transactions} of a bench; as long as what people write."}`
    await this.#call('PUT', path, user.token, body)
  }

  /** Gives how many events came. */
  async messages(user: BenchUser, roomId: string, limit: number): Promise<number> {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=${limit}`
    return (JSON.parse(await this.#call('GET', path, user.token)) as { chunk: unknown[] }).chunk.length
  }

  /** A sync as text: parsing is the measured client's own business. */
  async sync(user: BenchUser, options: SyncOptions = {}): Promise<string> {
    const since = options.since === undefined ? '' : `&since=${encodeURIComponent(options.since)}`
    const filter = options.filter === undefined ? '' : `&filter=${encodeURIComponent(options.filter)}`
    return this.#call('GET', `/_matrix/client/v3/sync?timeout=${options.timeoutMs ?? 0}${since}${filter}`, user.token)
  }

  async #registerOpen(username: string): Promise<string> {
    const path = '/_matrix/client/v3/register'
    const body = { username, password, auth: { type: 'm.login.dummy' } }
    const first = await this.#wire.request('POST', path, undefined, JSON.stringify(body))
    if (first.status !== 401) return checked('POST', path, first)
    const { session } = JSON.parse(first.body) as { session: string }
    const second = { ...body, auth: { ...body.auth, session } }
    return this.#call('POST', path, undefined, JSON.stringify(second))
  }

  /** https://element-hq.github.io/synapse/latest/admin_api/register_api.html */
  async #registerBySecret(username: string): Promise<string> {
    const path = '/_synapse/admin/v1/register'
    const { nonce } = JSON.parse(await this.#call('GET', path)) as { nonce: string }
    const mac = createHmac('sha1', this.#sharedSecret ?? '')
      .update([nonce, username, password, 'notadmin'].join('\0'))
      .digest('hex')
    return this.#call('POST', path, undefined, JSON.stringify({ nonce, username, password, admin: false, mac }))
  }

  async #call(method: string, path: string, token?: string, body?: string): Promise<string> {
    return checked(method, path, await this.#wire.request(method, path, token, body))
  }
}

function checked(method: string, path: string, answer: { readonly status: number; readonly body: string }): string {
  if (answer.status === 200) return answer.body
  throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body.slice(0, 300)}`)
}

/** The token from which the next sync goes on. Cut out of the text: parsing a large answer costs more than a sync. */
export function nextBatch(sync: string): string {
  const token = /"next_batch":"([^"]+)"/.exec(sync)?.[1]
  if (token === undefined) throw new Error('a sync answered no next_batch')
  return token
}
