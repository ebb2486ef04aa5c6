import type { BenchUser, Homeserver } from './homeserver.ts'
import { type Figures, forEachAtOnce } from './measure.ts'

/** What a figure must reach: at least (`min`) or at most (`max`). */
export type Target = { readonly min: number } | { readonly max: number }

/** What a scenario works with. */
export interface Stage {
  readonly homeserver: Homeserver
  /** The server's process, when it is known; without it there is no processor time. */
  readonly pid: number | undefined
  /** The first `count` users of the run, registered on first use. */
  users(count: number): Promise<readonly BenchUser[]>
}

/** One load, measured. */
export interface Scenario {
  readonly name: string
  /** One line for the table. */
  readonly about: string
  readonly targets: Readonly<Record<string, Target>>
  run(stage: Stage): Promise<Figures>
}

/** Users that are being registered at once: hashing a password is meant to be slow. */
const registeringMax = 4

/** A stage on a homeserver, with users made as they are needed. */
export function openStage(homeserver: Homeserver, pid: number | undefined): Stage {
  const users: BenchUser[] = []
  return {
    homeserver,
    pid,
    users: async (count) => {
      const missing = Array.from({ length: Math.max(0, count - users.length) }, (_, index) => users.length + index)
      users.push(...(await forEachAtOnce(missing, registeringMax, (number) => homeserver.register(String(number)))))
      return users.slice(0, count)
    },
  }
}

/** The only user that a scenario needs. */
export async function oneUser(stage: Stage): Promise<BenchUser> {
  const [user] = await stage.users(1)
  if (user === undefined) throw new Error('no user was registered')
  return user
}
