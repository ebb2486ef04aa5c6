import type { UserId } from '#protocol/identifiers.ts'
import {
  deviceListChangesAfter,
  putDeviceListChange,
  putSignatureChanges,
  signatureChangesAfter,
} from '#storage/device-lists.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Changed, Stream } from '#streams/stream.ts'

/** Gives who shares a room with a user, and so follows that user's device list. */
export type SharesRoomWith = (userId: UserId) => Promise<Iterable<UserId>>

/** What a piece of work did to keys. */
export interface KeyChange<T> {
  readonly result: T
  /** Others see different keys of the user now. */
  readonly changed: boolean
  /** Users on whose keys the user put signatures: a change that only the user sees. */
  readonly signed?: readonly UserId[]
}

/**
 * Tells who has different keys than before, so that clients fetch them anew.
 * https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
 */
export class DeviceLists {
  readonly #database: Database
  readonly #stream: Stream
  #sharesRoomWith: SharesRoomWith = () => Promise.resolve([])

  constructor(deps: { readonly database: Database; readonly streams: { readonly deviceLists: Stream } }) {
    this.#database = deps.database
    this.#stream = deps.streams.deviceLists
  }

  /** Says who is woken when a user's keys change; until then, that is the user alone. To be called once, at the start. */
  wakeThoseWho(sharesRoomWith: SharesRoomWith): void {
    this.#sharesRoomWith = sharesRoomWith
  }

  /** Notes that the device list of a user changed, and wakes everyone who follows it. */
  async changed(userId: UserId): Promise<void> {
    await this.record('change_device_list', userId, async () => ({ result: undefined, changed: true }))
  }

  /**
   * Runs `work` on the keys of `userId` in one interaction called `name`, notes in it what `work` says has changed,
   * and wakes those concerned once that is durable. Gives the work's result.
   */
  async record<T>(name: string, userId: UserId, work: (txn: Transaction) => Promise<KeyChange<T>>): Promise<T> {
    const followers = [userId, ...(await this.#sharesRoomWith(userId))]
    const change = await this.#stream.append(
      this.#database,
      name,
      async (txn, position) => {
        const done = await work(txn)
        if (done.changed) await putDeviceListChange(txn, userId, position)
        await putSignatureChanges(txn, userId, done.signed ?? [], position)
        return done
      },
      (done): Changed => {
        if (done.changed) return { users: followers }
        return (done.signed ?? []).length > 0 ? { users: [userId] } : {}
      },
    )
    return change.result
  }

  /**
   * The users of this server and others whose device list changed after position `from` and up to `to`; also those
   * who changed then and once more after `to`. Whoever asks picks those who concern a requester: people who share a
   * room with them, and themselves.
   */
  async changedUsersSince(from: number, to: number): Promise<UserId[]> {
    if (from >= to) return []
    return this.#database.runInteraction('changed_device_lists', (txn) => deviceListChangesAfter(txn, from), {
      readOnly: true,
    })
  }

  /**
   * The users on whose keys `observer` put signatures after position `from` and up to `to`: the observer's other
   * devices learn of it as of a changed device list, nobody else does.
   */
  async signedUsersSince(observer: UserId, from: number, to: number): Promise<UserId[]> {
    if (from >= to) return []
    return this.#database.runInteraction('signed_users', (txn) => signatureChangesAfter(txn, observer, from), {
      readOnly: true,
    })
  }
}
