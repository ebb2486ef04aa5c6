import type { Accounts } from './accounts.ts'
import type { Devices } from './devices.ts'
import { checkNewPassword } from './registration.ts'
import type { Requester } from './requester.ts'

/** Changing one's password. https://spec.matrix.org/v1.19/client-server-api/#password-management */
export class PasswordManagement {
  readonly #accounts: Accounts
  readonly #devices: Devices

  constructor(deps: { readonly accounts: Accounts; readonly devices: Devices }) {
    this.#accounts = deps.accounts
    this.#devices = deps.devices
  }

  /**
   * Gives the requester a new password and, if asked, logs out and deletes all their other devices. Throws
   * M_WEAK_PASSWORD.
   */
  async change(requester: Requester, newPassword: string, logoutDevices: boolean): Promise<void> {
    checkNewPassword(newPassword)
    await this.#accounts.setPassword(requester.userId, newPassword)
    if (logoutDevices) await this.#devices.deleteAll(requester.userId, requester.deviceId)
  }
}
