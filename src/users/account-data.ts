import { MatrixError } from '#protocol/errors.ts'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import * as store from '#storage/account-data.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Streams } from '#streams/streams.ts'
import { plainText } from './checks/plain-text.ts'
import { emptyChanges, pushRulesContent, pushRulesType } from './push-rules/changes.ts'

const contentBytesMax = 1_048_576
const typeBytesMax = 255
const entriesMax = 20_000

/** One piece of account data; `content` is the text of a JSON object. */
export interface AccountDatum {
  readonly type: string
  readonly content: string
}

/** Account data by where it belongs, in the order of its changes. */
export interface AccountDataChanges {
  readonly global: readonly AccountDatum[]
  readonly rooms: ReadonlyMap<RoomId, readonly AccountDatum[]>
}

/** What `AccountData.update` makes of the content so far; undefined leaves everything as it is. */
export type ChangeContent = (content: JsonObject | undefined) => JsonObject | undefined

/**
 * What clients keep for their user, globally and for rooms. Of the global `m.push_rules` only what the user changed
 * is stored; readers get the whole rules. https://spec.matrix.org/v1.19/client-server-api/#client-config
 */
export class AccountData {
  readonly #database: Database
  readonly #streams: Pick<Streams, 'accountData'>
  readonly #listeners: ((userId: UserId, roomId: RoomId | null, type: string) => void)[] = []

  constructor(deps: { readonly database: Database; readonly streams: Pick<Streams, 'accountData'> }) {
    this.#database = deps.database
    this.#streams = deps.streams
  }

  /** Calls `listener` after each change, of account data of one room or (null) global. */
  onChanged(listener: (userId: UserId, roomId: RoomId | null, type: string) => void): void {
    this.#listeners.push(listener)
  }

  /** The content of one type as JSON text, of one room or (null) global. */
  async get(userId: UserId, roomId: RoomId | null, type: string): Promise<string | undefined> {
    if (type.includes('\0')) return undefined
    const content = await this.#database.runInteraction(
      'get_account_data',
      (txn) => store.accountData(txn, userId, roomId ?? '', type),
      { readOnly: true },
    )
    return roomId === null && type === pushRulesType ? pushRulesContent(userId, content) : content
  }

  /** Sets the content of one type. Throws M_TOO_LARGE, or M_INVALID_PARAM for a type that cannot be. */
  async set(userId: UserId, roomId: RoomId | null, type: string, content: JsonObject): Promise<void> {
    await this.update(userId, roomId, type, () => content)
  }

  /**
   * Changes the content of one type in one transaction. `change` is given what is stored, may run more than once, and
   * may throw. Throws what `set` does.
   */
  async update(userId: UserId, roomId: RoomId | null, type: string, change: ChangeContent): Promise<void> {
    plainText(type, 'type', typeBytesMax)
    const isChanged = await this.#streams.accountData.append(
      this.#database,
      'set_account_data',
      async (txn, position): Promise<boolean> => {
        const before = await store.accountData(txn, userId, roomId ?? '', type)
        const after = change(before === undefined ? undefined : (JSON.parse(before) as JsonObject))
        if (after === undefined) return false
        if (before === undefined) await this.#requireSpace(txn, userId)
        await store.setAccountData(txn, userId, { roomId: roomId ?? '', type, content: textOf(after), position })
        return true
      },
      (changed) => (changed ? { users: [userId] } : {}),
    )
    if (isChanged) for (const listener of this.#listeners) listener(userId, roomId, type)
  }

  /** Everything a user has, push rules included: what a first sync shows. */
  async all(userId: UserId): Promise<AccountDataChanges> {
    const rows = await this.#database.runInteraction('all_account_data', (txn) => store.allAccountData(txn, userId), {
      readOnly: true,
    })
    const hasRules = rows.some((row) => row.roomId === '' && row.type === pushRulesType)
    const rules = { roomId: '', type: pushRulesType, content: emptyChanges } as const
    return sorted(userId, hasRules ? rows : [rules, ...rows])
  }

  /** What changed after position `from`, up to and including `to`, as it is now. */
  async since(userId: UserId, from: number, to: number): Promise<AccountDataChanges> {
    const rows = await this.#database.runInteraction(
      'account_data_since',
      (txn) => store.accountDataBetween(txn, userId, from, to),
      { readOnly: true },
    )
    return sorted(userId, rows)
  }

  /** Removes everything a user has; nobody is told. For accounts that end. */
  async erase(userId: UserId): Promise<void> {
    await this.#database.runInteraction('erase_account_data', (txn) => store.deleteAccountData(txn, userId))
  }

  async #requireSpace(txn: Transaction, userId: UserId): Promise<void> {
    if ((await store.countAccountData(txn, userId)) >= entriesMax)
      throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', `An account holds at most ${entriesMax} pieces of data.`)
  }
}

/** Account data is nobody's to sign: it may hold fractions (the order of tags), so it is not canonical JSON. */
function textOf(content: JsonObject): string {
  const text = JSON.stringify(content)
  if (Buffer.byteLength(text) > contentBytesMax)
    throw new MatrixError('M_TOO_LARGE', `A piece of account data has at most ${contentBytesMax} bytes.`)
  return text
}

function sorted(userId: UserId, rows: readonly store.AccountDataRow[]): AccountDataChanges {
  const global: AccountDatum[] = []
  const rooms = new Map<RoomId, AccountDatum[]>()
  for (const { roomId, type, content } of rows) {
    if (roomId === '') {
      global.push({ type, content: type === pushRulesType ? pushRulesContent(userId, content) : content })
      continue
    }
    const list = rooms.get(roomId)
    if (list === undefined) rooms.set(roomId, [{ type, content }])
    else list.push({ type, content })
  }
  return { global, rooms }
}
