import { logFormats, logLevels } from '#observability/logger.ts'
import { section } from './section.ts'
import { oneOf, wholeNumber } from './setting.ts'

const dayMs = 86_400_000

/** What the server tells its operator, on standard output. */
export const log = section('What the server tells its operator, on standard output.', {
  level: oneOf(logLevels, {
    description: `${logLevels.join(', ')}: each level tells what those behind it tell, and more. Each request is a line of level info.`,
    otherwise: 'info',
  }),
  format: oneOf(logFormats, { description: 'text for people, json for programs.', otherwise: 'text' }),
  slowRequestMs: wholeNumber({
    description: 'A request that takes longer, in milliseconds, is a warning. What a long poll waits is not counted.',
    otherwise: 2_000,
    min: 1,
    max: dayMs,
  }),
  slowQueryMs: wholeNumber({
    description: 'A query to the database that takes longer, in milliseconds, is a warning.',
    otherwise: 500,
    min: 1,
    max: dayMs,
  }),
})
