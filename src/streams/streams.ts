import type { Database } from '#storage/transaction.ts'
import { Notifier } from './notifier.ts'
import { Stream, type NumberSource } from './stream.ts'
import type { SyncToken } from './sync-token.ts'

/** Every stream that a client can follow, and the notifier that wakes those who do. */
export class Streams {
  readonly events: Stream
  readonly accountData: Stream
  readonly receipts: Stream
  readonly toDevice: Stream
  readonly deviceLists: Stream
  readonly typing: Stream
  readonly notifier: Notifier

  private constructor(streams: readonly [Stream, Stream, Stream, Stream, Stream, Stream], notifier: Notifier) {
    ;[this.events, this.accountData, this.receipts, this.toDevice, this.deviceLists, this.typing] = streams
    this.notifier = notifier
  }

  /** Opens every stream above whatever it had handed out before this start. */
  static async open(deps: { readonly database: Database; readonly ids: NumberSource }): Promise<Streams> {
    const notifier = new Notifier()
    const open = (name: string): Promise<Stream> => Stream.open(name, deps.ids, (changed) => notifier.wake(changed))
    const streams = await Promise.all([
      open('events'),
      open('account_data'),
      open('receipts'),
      open('to_device'),
      open('device_lists'),
      open('typing'),
    ])
    return new Streams(streams, notifier)
  }

  /** All of them. */
  get all(): readonly Stream[] {
    return [this.events, this.accountData, this.receipts, this.toDevice, this.deviceLists, this.typing]
  }

  /** Where every stream stands now: the token of a client who has read everything. */
  current(): SyncToken {
    return {
      events: this.events.position,
      accountData: this.accountData.position,
      receipts: this.receipts.position,
      toDevice: this.toDevice.position,
      deviceLists: this.deviceLists.position,
      typing: this.typing.position,
    }
  }
}
