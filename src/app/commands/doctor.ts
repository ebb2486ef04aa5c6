import { systemClock } from '#base/clock.ts'
import { exitCode, houseOptions, type Command } from '../command.ts'
import { controlSocketPath, operatorBehind } from '../control-socket.ts'
import { examine, type Finding } from '../doctor/examine.ts'
import { Outside } from '../doctor/outside.ts'
import { findHouse } from '../which-house.ts'

const words: Readonly<Record<Finding['verdict'], string>> = { fine: 'fine ', note: 'note ', wrong: 'WRONG' }

/** Looks for what is wrong with an installation. */
export const doctor: Command = {
  name: 'doctor',
  about:
    'Looks at configuration, files, database, clock, the running server and its public names, and says what is wrong. Changes nothing.',
  positionals: [],
  options: houseOptions,
  run: async (given, terminal) => {
    const house = findHouse(given)
    const socket = controlSocketPath(house.config.dataFolder)
    const operator = socket === undefined ? undefined : await operatorBehind(socket)
    const running = operator === undefined ? undefined : { publicAddress: await operator.publicAddress() }
    let wrong = 0
    for await (const { verdict, text } of examine({
      ...house,
      running,
      clock: systemClock,
      outside: new Outside(),
      clocks: [],
    })) {
      terminal.print(`${words[verdict]}  ${text}`)
      if (verdict === 'wrong') wrong += 1
    }
    return wrong === 0 ? exitCode.fine : exitCode.failed
  },
}
