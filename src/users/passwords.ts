import { currentAsker, forEverybody } from '#observability/asker.ts'
import { MatrixError } from '#protocol/errors.ts'

/** What one hash costs. */
export interface PasswordCost {
  /** Memory in KiB. */
  readonly memoryKib: number
  /** Passes over that memory. */
  readonly passes: number
}

/** What OWASP asks of argon2id at least: from 5 to 20 ms of one core, as machines go. */
const defaultCost: PasswordCost = { memoryKib: 19_456, passes: 2 }

/** Hashes computed at the same time: each keeps a core busy. */
const hashesAtOnceMax = 2
/** Hashes that may wait; the next is refused. */
const hashesWaitingMax = 200

export const passwordBytesMax = 512

/**
 * Hashes and checks passwords with argon2id, off the main thread and never more than a few at once. The library is
 * loaded at the first of them.
 */
export class Passwords {
  readonly #cost: PasswordCost
  /** In order of arrival; whoever gives up leaves from the middle. */
  readonly #waiting = new Set<() => void>()
  #running = 0
  #decoy: Promise<string> | undefined

  constructor(cost: PasswordCost = defaultCost) {
    this.#cost = cost
  }

  /** The PHC string of a password. Throws M_LIMIT_EXCEEDED when too many wait. */
  hash(password: string): Promise<string> {
    const options = { memoryCost: this.#cost.memoryKib, timeCost: this.#cost.passes, parallelism: 1 }
    return this.#bounded(async () => (await import('@node-rs/argon2')).hash(password, options))
  }

  /**
   * Whether the password belongs to the PHC string. Without one (an unknown user, or one that has no password) the
   * answer is false after the same work, so that its time tells nothing about who has an account.
   * Throws M_LIMIT_EXCEEDED when too many wait.
   */
  async verify(password: string, phc: string | null | undefined): Promise<boolean> {
    this.#decoy ??= forEverybody(() => this.hash('decoy')).catch((error: unknown) => {
      this.#decoy = undefined
      throw error
    })
    const decoy = await this.#decoy
    const matches = await this.#bounded(async () => (await import('@node-rs/argon2')).verify(phc ?? decoy, password))
    return matches && phc !== null && phc !== undefined
  }

  async #bounded<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= hashesAtOnceMax) {
      if (this.#waiting.size >= hashesWaitingMax)
        throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many people log in at this moment. Try again soon.', {
          extra: { retry_after_ms: 5000 },
        })
      // Whoever ends hands its place on, so #running stays as it is.
      await this.#turn()
    } else this.#running++
    try {
      return await task()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#running--
      else next()
    }
  }

  /** Waits for a place that is handed on, unless the asker goes meanwhile. */
  #turn(): Promise<void> {
    const signal = currentAsker()?.signal
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(begin)
        reject(signal?.reason as Error)
      }
      const begin = (): void => {
        this.#waiting.delete(begin)
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      this.#waiting.add(begin)
      if (signal?.aborted === true) leave()
      else signal?.addEventListener('abort', leave)
    })
  }
}
