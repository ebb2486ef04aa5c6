import { exitCode, type Command } from '../command.ts'
import { sampleConfig } from '../config.ts'

/** Writes a configuration with every setting explained. */
export const configSample: Command = {
  name: 'config sample',
  about: 'Writes a configuration with every setting explained, to be sent into a file and changed.',
  positionals: [],
  options: {},
  run: async (_given, terminal) => {
    terminal.print(sampleConfig().trimEnd())
    return exitCode.fine
  },
}
