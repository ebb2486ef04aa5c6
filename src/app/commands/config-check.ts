import { exitCode, houseOptions, type Command } from '../command.ts'
import { findHouse } from '../which-house.ts'

/** Says whether the configuration can be used. */
export const configCheck: Command = {
  name: 'config check',
  about: 'Says whether the configuration can be used, and all that is wrong with it.',
  positionals: [],
  options: houseOptions,
  run: async (given, terminal) => {
    const { config, configFile } = findHouse(given)
    terminal.print(`${configFile}: good. The server is called ${config.serverName}.`)
    return exitCode.fine
  },
}
