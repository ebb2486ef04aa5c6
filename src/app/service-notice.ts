import { serviceEnvironment } from './config/service-environment.ts'

/**
 * Tells systemd how the service is: ready, stopping, and, as often as it asks, that the event loop turns. By its own program, since
 * Node has no sockets of the kind it listens on: the unit needs `NotifyAccess=all`. Does nothing elsewhere.
 */
export class ServiceNotice {
  readonly #environment = serviceEnvironment()
  #timer: NodeJS.Timeout | undefined

  /** The server answers. From now on the watchdog is fed. */
  async ready(): Promise<void> {
    const { wantsNotice, watchdogMs } = this.#environment
    if (!wantsNotice) return
    await this.#say(`READY=1\nMAINPID=${process.pid}`)
    // Half the time it gives, as it advises.
    if (watchdogMs !== undefined) this.#timer = setInterval(() => void this.#say('WATCHDOG=1'), watchdogMs / 2).unref()
  }

  /** The server is about to stop. */
  async stopping(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#environment.wantsNotice) await this.#say('STOPPING=1')
  }

  async #say(text: string): Promise<void> {
    const { execFile } = await import('node:child_process')
    // A notice that cannot be given is systemd's to notice.
    await new Promise<void>((resolve) => execFile('systemd-notify', text.split('\n'), () => resolve()))
  }
}
