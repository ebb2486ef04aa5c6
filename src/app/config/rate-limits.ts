import type { RateLimit } from '#http/rate-limits.ts'
import type { LimitName } from '#http/route.ts'
import { section } from './section.ts'
import { orOff, positiveNumber, wholeNumber, type Setting } from './setting.ts'

/** The most requests that may come at once. */
const burstMax = 1_000_000

function limit(description: string, perSecond: number, burst: number): Setting<RateLimit | undefined> {
  const both = section(description, {
    perSecond: positiveNumber({ description: '', otherwise: perSecond }),
    burst: wholeNumber({ description: '', otherwise: burst, min: 1, max: burstMax }),
  })
  const shown = { lines: [`{ per_second: ${perSecond}, burst: ${burst} }`], block: false }
  return { ...orOff(both), shown, example: shown }
}

const limits = section(
  'How often things may be done: so many at once (burst), then so many a second. `off` switches one off, or all of them.',
  {
    login: limit('Attempts to log in, for each address.', 0.5, 10),
    registration: limit('Attempts to make an account, for each address.', 0.2, 5),
    message: limit('Sending events, for each user.', 10, 100),
    join: limit('Joining and knocking, for each user.', 1, 30),
    invite: limit('Inviting, for each user.', 1, 30),
    room_creation: limit('Making rooms, for each user.', 0.5, 20),
    keys: limit('Uploading, asking for and claiming keys, for each user.', 20, 200),
    default: limit('Everything else that is costly, for each user or address.', 50, 500),
  } satisfies Readonly<Record<LimitName, Setting<RateLimit | undefined>>>,
)

/** The limits in force; none at all when undefined. */
export const rateLimits = orOff(limits)
