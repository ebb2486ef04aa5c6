import type { Logger } from '#observability/logger.ts'

/** Why the program stops. */
export interface StopReason {
  readonly name: string
  /** True for an error that nobody caught: the exit code says so. */
  readonly isFault: boolean
}

/** A second signal within this time is the same wish, sent on by npm or a terminal; a later one is impatience. */
const sameWishMs = 1_000
/** How long closing may take after an error that nobody caught; its state may be anything. */
const faultGraceMs = 5_000

/**
 * Waits for SIGTERM, SIGINT or an error that nobody caught (logged in full: this program does not go on in a state it
 * does not know). A second signal ends the process at once.
 */
export function untilToldToStop(logger: Logger): Promise<StopReason> {
  return new Promise((resolve) => {
    let firstAt: number | undefined
    const onSignal = (name: NodeJS.Signals): void => {
      if (firstAt === undefined) {
        firstAt = performance.now()
        resolve({ name, isFault: false })
      } else if (performance.now() - firstAt > sameWishMs) process.exit(1)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
    process.on('uncaughtException', (error) => {
      logger.error('An error that nobody caught: stopping', { error })
      resolve({ name: 'fault', isFault: true })
      setTimeout(() => process.exit(1), faultGraceMs).unref()
    })
  })
}
