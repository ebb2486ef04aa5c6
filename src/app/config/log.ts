import { logFormats, logLevels } from '#observability/logger.ts'
import { section } from './section.ts'
import { oneOf } from './setting.ts'

/** What the server tells its operator, on standard output. */
export const log = section('What the server tells its operator, on standard output.', {
  level: oneOf(logLevels, {
    description: `${logLevels.join(', ')}: each level tells what those behind it tell, and more.`,
    otherwise: 'info',
  }),
  format: oneOf(logFormats, { description: 'text for people, json for programs.', otherwise: 'text' }),
})
