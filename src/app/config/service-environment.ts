/** What systemd says to a service in its environment. https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html */
export interface ServiceEnvironment {
  /** Whether it wants to be told of readiness. */
  readonly wantsNotice: boolean
  /** Milliseconds within which it wants to hear that the service lives; undefined when it does not. */
  readonly watchdogMs: number | undefined
}

/** Reads it from the environment of this process. */
export function serviceEnvironment(): ServiceEnvironment {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: micros, WATCHDOG_PID: pid } = process.env
  const watched = micros !== undefined && (pid === undefined || Number(pid) === process.pid)
  return { wantsNotice: socket !== undefined && socket !== '', watchdogMs: watched ? Number(micros) / 1000 : undefined }
}
