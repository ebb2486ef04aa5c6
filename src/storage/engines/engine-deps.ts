import type { Clock } from '#base/clock.ts'
import type { Logger } from '#observability/logger.ts'

import type { InteractionAccounting } from './interaction-account.ts'
import type { NoSpace } from './no-space.ts'

/** What an engine is given, whichever it is. */
export interface EngineDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** Undefined to count nothing, for measuring what counting costs. */
  readonly accounting: InteractionAccounting | undefined
  /** Tells of an error that nobody awaits. */
  readonly report: (error: unknown, interaction: string) => void
  readonly noSpace: NoSpace
  /** Milliseconds that an interaction waits for its turn at most. */
  readonly waitMsMax: number
  /** Milliseconds that one statement, or the time between two, may take. */
  readonly quietMsMax: number
  /** Run every body twice and compare (`rehearsal.ts`). */
  readonly rehearse: boolean
}
