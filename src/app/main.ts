import { exitCode, helpFor, inColumns, parseArguments, UsageError, type Command } from './command.ts'
import { explain } from './failure.ts'
import type { Terminal } from './terminal.ts'

/** Each command by what is typed; its code is loaded when it is wanted. */
const commands: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> = {
  start: {
    about: 'Run the homeserver; the first time, make what it needs.',
    load: async () => (await import('./commands/start.ts')).start,
  },
  'config check': {
    about: 'Say whether the configuration can be used, and all that is wrong with it.',
    load: async () => (await import('./commands/config-check.ts')).configCheck,
  },
  'config sample': {
    about: 'Write a configuration with every setting explained.',
    load: async () => (await import('./commands/config-sample.ts')).configSample,
  },
  'user create': {
    about: 'Make an account.',
    load: async () => (await import('./commands/user-create.ts')).userCreate,
  },
  'user password': {
    about: 'Give an account a new password.',
    load: async () => (await import('./commands/user-password.ts')).userPassword,
  },
  'user token': {
    about: 'Make a token with which somebody can register.',
    load: async () => (await import('./commands/user-token.ts')).userToken,
  },
  'database usage': {
    about: 'Say what takes up the space of the database.',
    load: async () => (await import('./commands/database-usage.ts')).databaseUsage,
  },
  'database check': {
    about: 'Say where the database contradicts itself.',
    load: async () => (await import('./commands/database-check.ts')).databaseCheck,
  },
  doctor: {
    about: 'Look for what is wrong with an installation.',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  version: {
    about: 'Say which version this is.',
    load: async () => (await import('./commands/version.ts')).version,
  },
}

/** Does what was typed behind `tessera`; gives the exit code: 0 done, 1 failed, 2 not typed right. */
export async function main(typed: readonly string[], terminal: Terminal): Promise<number> {
  const name = commandName(typed)
  if (name === undefined) {
    const asked = typed.length === 0 || typed[0] === '--help' || typed[0] === '-h' || typed[0] === 'help'
    if (!asked)
      terminal.complain(`tessera: there is no command "${typed.filter((word) => !word.startsWith('-')).join(' ')}".\n`)
    ;(asked ? terminal.print : terminal.complain)(help())
    return asked ? exitCode.fine : exitCode.misused
  }
  const command = await commands[name]?.load()
  if (command === undefined) return exitCode.misused
  try {
    const given = parseArguments(command, typed.slice(name.split(' ').length))
    if (given.options['help'] !== true) return await command.run(given, terminal)
    terminal.print(helpFor(command))
    return exitCode.fine
  } catch (error) {
    return complain(error, name, terminal)
  }
}

function complain(error: unknown, name: string, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.complain(`tessera: ${error.message}. See: tessera ${name} --help`)
    return exitCode.misused
  }
  const words = explain(error)
  terminal.complain(words ?? `A fault in Tessera: ${error instanceof Error ? error.stack : String(error)}`)
  return exitCode.failed
}

function commandName(typed: readonly string[]): string | undefined {
  const [first = '', second = ''] = typed
  if (first === '--version') return 'version'
  return [`${first} ${second}`, first].find((name) => Object.hasOwn(commands, name))
}

function help(): string {
  const rows = Object.entries(commands).map(([name, { about }]): [string, string] => [name, about])
  return [
    'Tessera, a Matrix homeserver.',
    '',
    '  tessera COMMAND [options]',
    '',
    ...inColumns(rows),
    '',
    'Each has its own --help.',
  ].join('\n')
}
