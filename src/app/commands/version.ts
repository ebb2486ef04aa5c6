import { exitCode, type Command } from '../command.ts'
import { programVersion } from '../program-version.ts'

/** Says which version this is. */
export const version: Command = {
  name: 'version',
  about: 'Says which version this is, and which Node.js runs it.',
  positionals: [],
  options: {},
  run: async (_given, terminal) => {
    terminal.print(`tessera ${programVersion()} (Node.js ${process.versions.node})`)
    return exitCode.fine
  },
}
