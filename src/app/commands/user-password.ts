import { exitCode, houseOptions, type Command } from '../command.ts'
import { findHouse } from '../which-house.ts'
import { withOperator } from '../with-operator.ts'

/** Gives an account a new password. */
export const userPassword: Command = {
  name: 'user password',
  about:
    'Gives an account a new password, whether the server runs or not. It is asked for, or is the first line of a pipe.',
  positionals: ['NAME'],
  options: houseOptions,
  run: async (given, terminal) => {
    const [user = ''] = given.positionals
    const { config } = findHouse(given)
    const password = await terminal.askSecret(`New password for ${user}: `)
    const userId = await withOperator(config, (operator) => operator.setPassword(user, password))
    terminal.print(`${userId} has the new password.`)
    return exitCode.fine
  },
}
