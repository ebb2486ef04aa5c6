import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks a second in /proc; the same on every Linux. */
const ticksPerSecond = 100

/** Milliseconds of processor time that a process has used, all threads together; undefined where there is no /proc. */
export function cpuMs(pid: number): number | undefined {
  try {
    // The name of the program may contain anything, so fields are counted from its closing parenthesis.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond
  } catch {
    return undefined
  }
}

/**
 * Microseconds of processor time of the threads that a process has now: finer than `cpuMs`, exact while they rest. A
 * thread that has ended is forgotten. Undefined where there is no such /proc.
 */
export function threadMicros(pid: number): number | undefined {
  try {
    const folder = `/proc/${pid}/task`
    const nanos = readdirSync(folder).map((thread) =>
      Number(readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ', 1)[0]),
    )
    return nanos.reduce((sum, each) => sum + each, 0) / 1000
  } catch {
    return undefined
  }
}

/** Memory of a process that is in the machine's memory, in MiB. */
export function memoryMib(pid: number): number | undefined {
  try {
    const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) / 1024
  } catch {
    return undefined
  }
}
