import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What of a profile is needed here: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
    readonly children?: readonly number[]
  }[]
  /** Microseconds of the clock that `process.hrtime` reads. */
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** A stretch of time, in nanoseconds of `process.hrtime.bigint()`. */
export interface Stretch {
  readonly from: bigint
  readonly to: bigint
}

/** The only profile in a folder, which its process has left there at its end. */
export function readProfile(folder: string): Profile {
  const [file] = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error(`no profile was left in ${folder}`)
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile
}

/** Which share of the time that a process worked, within a stretch of time, it spent in a function of a file or below. */
export function shareOf(
  profile: Profile,
  stretch: Stretch,
  of: { readonly name: string; readonly file: string },
): number {
  const children = new Map(profile.nodes.map((node) => [node.id, node.children ?? []]))
  const idle = new Set(profile.nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id))
  const inside = new Set<number>()
  const open = profile.nodes
    .filter(({ callFrame }) => callFrame.functionName === of.name && callFrame.url.endsWith(of.file))
    .map(({ id }) => id)
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    inside.add(id)
    open.push(...(children.get(id) ?? []))
  }
  if (inside.size === 0) throw new Error(`the profile has no ${of.name} of ${of.file}`)
  let at = profile.startTime
  let worked = 0
  let spent = 0
  for (const [index, node] of profile.samples.entries()) {
    const took = profile.timeDeltas[index] ?? 0
    at += took
    if (at < Number(stretch.from / 1000n) || at > Number(stretch.to / 1000n) || idle.has(node)) continue
    worked += took
    if (inside.has(node)) spent += took
  }
  if (worked === 0) throw new Error('the process did not work in this time')
  return spent / worked
}
