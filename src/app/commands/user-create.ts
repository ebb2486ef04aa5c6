import { exitCode, houseOptions, type Command } from '../command.ts'
import { findHouse } from '../which-house.ts'
import { withOperator } from '../with-operator.ts'

/** Makes an account. */
export const userCreate: Command = {
  name: 'user create',
  about: 'Makes an account, whether the server runs or not. The password is asked for, or is the first line of a pipe.',
  positionals: ['NAME'],
  options: { ...houseOptions, admin: { type: 'boolean', about: 'The account administers the server.' } },
  run: async (given, terminal) => {
    const [user = ''] = given.positionals
    const { config } = findHouse(given)
    const password = await terminal.askSecret(`Password for ${user}: `)
    const admin = given.options['admin'] === true
    const userId = await withOperator(config, (operator) => operator.createUser(user, password, admin))
    terminal.print(`${userId} has an account now.`)
    return exitCode.fine
  },
}
