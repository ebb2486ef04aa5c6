import type { Clock } from '#base/clock.ts'
import type { Config } from '../config.ts'
import type { Outside } from './outside.ts'

/** How far another clock is from this machine's. */
export interface ClockReading {
  /** Whose it is, as `the database`. */
  readonly whose: string
  /** Above zero when the other one is ahead. */
  readonly aheadMs: number
}

/** The installation that is looked at. */
export interface Patient {
  readonly config: Config
  readonly configFile: string
  /** The address that the running server tells its clients; undefined when no server runs. */
  readonly running: { readonly publicAddress: string } | undefined
  readonly clock: Clock
  readonly outside: Outside
  /** Other clocks that checks came across, for the check of the clock. */
  readonly clocks: ClockReading[]
}

/** Something worth knowing that is not wrong. */
export class Note {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Gives what is fine, or a note; throws what is wrong, with what to do. */
export type Check = (patient: Patient) => string | Note | Promise<string | Note>
