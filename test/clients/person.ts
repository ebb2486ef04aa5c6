/** A person with an unmodified matrix-js-sdk in hand: one object for one device, its keys and its store kept on "disk". */
import './unref-long-timers.ts'
import 'fake-indexeddb/auto'
import { indexedDB } from 'fake-indexeddb'
import {
  ClientEvent,
  createClient,
  type ICreateClientOpts,
  IndexedDBStore,
  type MatrixClient,
  MatrixEventEvent,
  RoomEvent,
  RoomMemberEvent,
  RoomStateEvent,
  SyncState,
  ThreadEvent,
} from 'matrix-js-sdk'
import { type CryptoApi, CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/index.js'
import { logger } from 'matrix-js-sdk/lib/logger.js'

/** The client tells its whole life; a failed step tells what is wanted. Its loggers are of `loglevel`, all made from one. */
const loglevel = logger as unknown as { methodFactory: () => () => void; rebuild: () => void }
loglevel.methodFactory = () => () => undefined
loglevel.rebuild()

/** Longest wait for something to reach a client. The client itself sits on a key backup for up to 10 s. */
const waitMsMax = 30_000

/** Whatever may mean that a client knows more than before. */
const news: readonly string[] = [
  ClientEvent.Sync,
  ClientEvent.Event,
  ClientEvent.Room,
  RoomEvent.Timeline,
  RoomEvent.Receipt,
  RoomEvent.MyMembership,
  RoomEvent.Redaction,
  RoomStateEvent.Events,
  RoomMemberEvent.Typing,
  MatrixEventEvent.Decrypted,
  ThreadEvent.New,
  ThreadEvent.Update,
  CryptoEvent.DevicesUpdated,
  CryptoEvent.KeysChanged,
  CryptoEvent.UserTrustStatusChanged,
  CryptoEvent.KeyBackupStatus,
  CryptoEvent.KeyBackupSessionsRemaining,
]

/** What a device is known by. */
export interface Credentials {
  readonly baseUrl: string
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
}

/** The keys of somebody's secret storage, as the person would keep them in a password manager. */
export type RecoveryKeys = Map<string, Uint8Array<ArrayBuffer>>

/** One device of a person, from login to logout. */
export class Person {
  readonly credentials: Credentials
  readonly client: MatrixClient
  readonly #recoveryKeys: RecoveryKeys
  readonly #store: IndexedDBStore
  /** Questions of the client that are not answered yet, but for its sync. */
  readonly #open = new Set<Promise<unknown>>()

  private constructor(credentials: Credentials, recoveryKeys: RecoveryKeys) {
    this.credentials = credentials
    this.#recoveryKeys = recoveryKeys
    const dbName = `${credentials.userId}-${credentials.deviceId}-sync`
    this.#store = new IndexedDBStore({ indexedDB, dbName })
    const options: ICreateClientOpts = {
      ...credentials,
      store: this.#store,
      cryptoCallbacks: {
        getSecretStorageKey: async ({ keys }) => {
          const found = [...this.#recoveryKeys].find(([keyId]) => keyId in keys)
          return found ?? null
        },
        cacheSecretStorageKey: (keyId, _description, key) => {
          this.#recoveryKeys.set(keyId, key)
        },
      },
    }
    this.client = createClient(options)
    this.#countOpen(this.client.http)
  }

  /** Opens the device's stores and its Rust crypto, and starts to sync. Resolves when the first sync has come. */
  static async start(credentials: Credentials, recoveryKeys: RecoveryKeys): Promise<Person> {
    const person = new Person(credentials, recoveryKeys)
    await person.#store.startup()
    await person.client.initRustCrypto({ cryptoDatabasePrefix: `${credentials.userId}-${credentials.deviceId}-crypto` })
    await person.client.startClient({ initialSyncLimit: 30, threadSupport: true, pollTimeout: 10_000 })
    try {
      await person.until('the first sync', () => person.client.getSyncState() === SyncState.Syncing)
    } catch (error) {
      person.client.stopClient()
      throw error
    }
    return person
  }

  get userId(): string {
    return this.credentials.userId
  }

  get crypto(): CryptoApi {
    const crypto = this.client.getCrypto()
    if (crypto === undefined) throw new Error('the client has no crypto')
    return crypto
  }

  /**
   * Waits until `look` finds something, looking again whenever the client learns anything. Rejects, naming `what`,
   * when it has not come in time.
   */
  until<T>(what: string, look: () => T | undefined | false | null | Promise<T | undefined | false | null>): Promise<T> {
    const { client } = this
    return new Promise<T>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        for (const name of news) client.off(name as ClientEvent.Sync, again)
      }
      const again = (): void => {
        setImmediate(() => {
          void Promise.resolve()
            .then(look)
            .then((found) => {
              if (found === undefined || found === false || found === null) return
              end()
              resolve(found)
            })
            .catch((error: unknown) => {
              end()
              reject(error instanceof Error ? error : new Error(String(error)))
            })
        })
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`${this.userId} (${this.credentials.deviceId}) waited ${waitMsMax} ms in vain for ${what}`))
      }, waitMsMax)
      for (const name of news) client.on(name as ClientEvent.Sync, again)
      again()
    })
  }

  /**
   * Resolves when the client has no question open but its sync. When it learns of a thread it asks for the root, for what
   * replied, and for the root again; an answer that was on its way when a reply came puts back what the client counts.
   */
  async settled(): Promise<void> {
    do {
      await Promise.allSettled(this.#open)
      // What it asks next, it asks at once.
      await new Promise((resolve) => setImmediate(resolve))
    } while (this.#open.size > 0)
  }

  #countOpen(http: MatrixClient['http']): void {
    const ask = http.authedRequest.bind(http) as (...request: unknown[]) => Promise<unknown>
    const counted = (...request: unknown[]): Promise<unknown> => {
      const [, path] = request
      const answer = ask(...request)
      if (path !== '/sync') this.#open.add(answer)
      return answer.finally(() => this.#open.delete(answer))
    }
    http.authedRequest = counted as typeof http.authedRequest
  }

  /** The text of an event once it is here and can be read. Also says how it was encrypted. */
  reads(roomId: string, eventId: string): Promise<{ body: string; encrypted: boolean }> {
    return this.until(`the text of ${eventId}`, () => {
      const event = this.client.getRoom(roomId)?.findEventById(eventId)
      if (event === undefined || event.isBeingDecrypted() || event.isDecryptionFailure()) return undefined
      const body: unknown = event.getContent()['body']
      return typeof body === 'string' && { body, encrypted: event.isEncrypted() }
    })
  }

  /** Stops the client as closing a browser tab would; what it knew is kept. */
  async stop(): Promise<void> {
    await this.#store.save(true)
    this.client.stopClient()
  }
}
