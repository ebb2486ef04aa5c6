import { Failure } from '../failure.ts'
import type { Patient } from './check.ts'

/** How far two clocks may be apart. */
const apartMsMax = 5_000
/** No clock is right that says an earlier time: this program was not there. */
const earliestMs = 1_767_225_600_000
const advice = 'let them be set from the network (timedatectl set-ntp true)'

/**
 * Whether the clock can be right, on which tokens, signatures and the order of what people say depend: against the day
 * this program was made, and against every other clock that the checks before came across, that of the database and
 * those of whoever answers for our public names.
 */
export function checkClock({ clock, clocks }: Patient): string {
  if (clock.now() < earliestMs) throw new Failure(`The clock of this machine is in the past: ${advice}.`)
  const apart = clocks.filter(({ aheadMs }) => Math.abs(aheadMs) > apartMsMax)
  if (apart.length > 0) {
    const each = apart.map(({ whose, aheadMs }) => {
      return `that of ${whose} is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} it`
    })
    throw new Failure(
      `The clock of this machine does not agree with others: ${each.join(', ')}. All of them: ${advice}.`,
    )
  }
  if (clocks.length === 0) return 'The clock of this machine can be right; there was no other to compare it with.'
  return `The clock of this machine agrees with that of ${clocks.map(({ whose }) => whose).join(' and of ')}.`
}
