import { exitCode, houseOptions, textOption, UsageError, type Command } from '../command.ts'
import { findHouse } from '../which-house.ts'
import { withOperator } from '../with-operator.ts'

/** Makes a registration token. */
export const userToken: Command = {
  name: 'user token',
  about: 'Makes a token with which somebody can make an account where registration is by token.',
  positionals: [],
  options: {
    ...houseOptions,
    uses: { type: 'string', value: 'COUNT', about: 'For how many accounts it is good (1).' },
  },
  run: async (given, terminal) => {
    const uses = textOption(given, 'uses') ?? '1'
    if (!/^[1-9]\d{0,8}$/.test(uses)) throw new UsageError('--uses takes a number from 1 on')
    const { config } = findHouse(given)
    terminal.print(await withOperator(config, (operator) => operator.createToken(Number(uses))))
    return exitCode.fine
  },
}
