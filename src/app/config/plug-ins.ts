import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { section } from './section.ts'
import { list, text, type Setting } from './setting.ts'

/** Values that are not ours to check. */
const settings: Setting<JsonObject> = {
  description: 'What the plug-in is told. Its own documentation says what it knows.',
  otherwise: { value: {} },
  shown: { lines: ['{}'], block: false },
  example: { lines: ['{}'], block: false },
  read: (value, at, problems) => {
    if (isJsonObject(value)) return value
    problems.push({ at, text: 'has to be a section: keys with values, indented' })
    return undefined
  },
}

const plugIn = section('', {
  module: text({
    description: 'The npm package, installed in the data folder, or the path of a JavaScript file, relative to that.',
    example: 'tessera-plug-in-example',
  }),
  settings,
})

/** Programs of others that run within the server. */
export const plugIns = list(plugIn, {
  description:
    'Programs of others that run within the server, with all its rights: install only what you trust. docs/plug-ins.md says what one can do. Each is a module (an npm package installed in the data folder, or the path of a JavaScript file) and its settings: { module: tessera-plug-in-example, settings: {} }.',
  otherwise: [],
})
