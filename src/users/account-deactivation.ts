import type { AccountData } from './account-data.ts'
import type { Accounts } from './accounts.ts'
import type { Devices } from './devices.ts'
import type { Profiles } from './profiles.ts'
import type { Requester } from './requester.ts'

/** Told that an account ends, while its user is still in its rooms. */
export type DeactivationListener = (requester: Requester) => Promise<void>

/** Ending an account. https://spec.matrix.org/v1.19/client-server-api/#account-deactivation */
export class AccountDeactivation {
  readonly #accounts: Accounts
  readonly #accountData: AccountData
  readonly #devices: Devices
  readonly #profiles: Profiles
  readonly #listeners: DeactivationListener[] = []

  constructor(deps: {
    readonly accounts: Accounts
    readonly accountData: AccountData
    readonly devices: Devices
    readonly profiles: Profiles
  }) {
    this.#accounts = deps.accounts
    this.#accountData = deps.accountData
    this.#devices = deps.devices
    this.#profiles = deps.profiles
  }

  /** Registers who is told: rooms that the user leaves, for example. */
  onDeactivated(listener: DeactivationListener): void {
    this.#listeners.push(listener)
  }

  /**
   * Ends the account for good: no login, no device, no profile, in no room. With `erase` the account data goes too,
   * and the account is marked, so that new members of rooms need not be shown what it wrote. The account goes first:
   * what is interrupted after that can be repeated, and nobody can log in meanwhile.
   */
  async deactivate(requester: Requester, erase: boolean): Promise<void> {
    const { userId } = requester
    await this.#accounts.deactivate(userId, erase)
    await this.#devices.deleteAll(userId)
    await this.#profiles.erase(userId)
    if (erase) await this.#accountData.erase(userId)
    for (const listener of this.#listeners) await listener(requester)
  }
}
