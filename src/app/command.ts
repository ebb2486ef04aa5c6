import { parseArgs } from 'node:util'
import type { Terminal } from './terminal.ts'

/** One option of a command. */
export interface CommandOption {
  readonly type: 'string' | 'boolean'
  /** What stands for the value in the help: `DIR`. */
  readonly value?: string
  readonly about: string
}

/** What was typed behind a command's name. */
export interface Arguments {
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  readonly positionals: readonly string[]
}

/** One thing that can be done from the command line. */
export interface Command {
  /** What is typed to have it: `user create`. */
  readonly name: string
  readonly about: string
  /** Names of the values that have to follow, in order. */
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, CommandOption>>
  /** Does it; gives the exit code. Errors it throws are explained in one line by the caller. */
  run(given: Arguments, terminal: Terminal): Promise<number>
}

/** Exit codes. */
export const exitCode = { fine: 0, failed: 1, misused: 2 } as const

/** The command line was not typed as the command wants it. */
export class UsageError extends Error {}

/** Options that choose which homeserver a command is about. */
export const houseOptions = {
  config: { type: 'string', value: 'FILE', about: 'The configuration file (DIR/tessera.yaml).' },
  data: { type: 'string', value: 'DIR', about: 'The folder of configuration and data (./data).' },
} as const satisfies Record<string, CommandOption>

/** Reads what was typed for `command`. Throws UsageError for what the command does not know. */
export function parseArguments(command: Command, typed: readonly string[]): Arguments {
  const options: Record<string, { type: 'string' | 'boolean' }> = { help: { type: 'boolean' } }
  for (const [name, { type }] of Object.entries(command.options)) options[name] = { type }
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    parsed = parseArgs({ args: [...typed], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0])
  }
  const { values, positionals } = parsed
  if (values['help'] !== true && positionals.length !== command.positionals.length) {
    const wanted = command.positionals.length === 0 ? 'nothing' : command.positionals.join(' ')
    throw new UsageError(`${command.name} takes ${wanted} beside its options`)
  }
  return { options: values as Arguments['options'], positionals }
}

/** The value of an option that takes a text. */
export function textOption(given: Arguments, name: string): string | undefined {
  const value = given.options[name]
  return typeof value === 'string' ? value : undefined
}

/** The help of one command. */
export function helpFor(command: Command): string {
  const usage = ['tessera', command.name, ...command.positionals, '[options]'].join(' ')
  const rows = Object.entries(command.options).map(([name, option]): [string, string] => [
    option.value === undefined ? `--${name}` : `--${name} ${option.value}`,
    option.about,
  ])
  rows.push(['--help', 'This text.'])
  return [command.about, '', `  ${usage}`, '', ...inColumns(rows)].join('\n')
}

/** Pairs as two columns, indented. */
export function inColumns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
