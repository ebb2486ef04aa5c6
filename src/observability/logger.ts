import { pino, type Logger as PinoLines } from 'pino'
import { BufferedOutput } from './buffered-output.ts'
import { currentRequest } from './request-context.ts'
import { processedFields, processedText, type Processed } from './request-line.ts'

/** Facts that stand beside a message, by name. An `Error` is written with its stack and its causes. */
export type LogFields = Readonly<Record<string, unknown>>

/** Where the program tells its operator what happens. Never given secrets, tokens or the content of events. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The one line of a request that has been answered; a slow one as a warning. */
  processed(request: Processed, slow: boolean): void
  /** A logger that adds `fields` to each of its lines. */
  child(fields: LogFields): Logger
  /** Drops lines below `level` from now on, for all loggers that come of the same one. */
  changeLevel(level: LogLevel): void
  /** True when a line of this level would be written: ask before computing expensive fields. */
  writes(level: LogLevel): boolean
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

/** A logger that says nothing, for tests. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  processed: () => undefined,
  child: () => silentLogger,
  changeLevel: () => undefined,
  writes: () => false,
}

/** Where finished lines go. */
export interface LogDestination {
  write(line: string): void
  /** Names who is to be told when lines were dropped because nobody read them. */
  whenDropped?(tell: (lines: number) => void): void
}

/** Standard output (1) or standard error (2). What waits to be written when the process ends is written then. */
export function logTo(fileDescriptor: 1 | 2): LogDestination {
  // Node makes a pipe one that does not block when it is first asked for.
  void (fileDescriptor === 1 ? process.stdout : process.stderr)
  return new BufferedOutput(fileDescriptor)
}

/**
 * Makes a logger. Lines below `level` are dropped. `json` writes one object a line for collectors; `text` is for
 * people. A line written while a request is served carries its id and requester.
 */
export function createLogger(options: { level: LogLevel; format: LogFormat; destination: LogDestination }): Logger {
  const { destination } = options
  const sink = options.format === 'json' ? destination : { write: (line: string) => destination.write(asText(line)) }
  const lines: PinoLines = pino(
    {
      // What is dropped is decided before: the level may change.
      level: 'debug',
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
      mixin: requestFields,
    },
    sink,
  )
  const logger = new PinoLogger(lines, {
    format: options.format,
    destination,
    rank: logLevels.indexOf(options.level),
  })
  destination.whenDropped?.((dropped) =>
    logger.warn('The log lost lines: nobody read them in time', { lines: dropped }),
  )
  return logger
}

function requestFields(): object {
  const request = currentRequest()
  if (request === undefined) return {}
  return request.requester === undefined
    ? { [request.background ? 'work' : 'request']: request.id }
    : { request: request.id, requester: request.requester }
}

/** What the loggers that come of one share. */
interface Output {
  readonly format: LogFormat
  readonly destination: LogDestination
  /** The least level that is written, as its place in `logLevels`. */
  rank: number
}

class PinoLogger implements Logger {
  readonly #lines: PinoLines
  readonly #output: Output

  constructor(lines: PinoLines, output: Output) {
    this.#lines = lines
    this.#output = output
  }

  debug(message: string, fields: LogFields = {}): void {
    if (this.writes('debug')) this.#lines.debug(fields, message)
  }

  info(message: string, fields: LogFields = {}): void {
    if (this.writes('info')) this.#lines.info(fields, message)
  }

  warn(message: string, fields: LogFields = {}): void {
    if (this.writes('warn')) this.#lines.warn(fields, message)
  }

  error(message: string, fields: LogFields = {}): void {
    if (this.writes('error')) this.#lines.error(fields, message)
  }

  /** Written past the general way, which would take more time than some of the requests. */
  processed(request: Processed, slow: boolean): void {
    const level = slow ? 'warn' : 'info'
    if (!this.writes(level)) return
    const time = timeNow()
    const { format, destination } = this.#output
    if (format === 'text') {
      destination.write(`${time} ${level.toUpperCase().padEnd(5)} ${slow ? 'Slow: ' : ''}${processedText(request)}\n`)
      return
    }
    const message = slow ? 'Slow: Processed request' : 'Processed request'
    destination.write(`${JSON.stringify({ level, time, message, ...processedFields(request) })}\n`)
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.#lines.child(fields), this.#output)
  }

  writes(level: LogLevel): boolean {
    return logLevels.indexOf(level) >= this.#output.rank
  }

  changeLevel(level: LogLevel): void {
    this.#output.rank = logLevels.indexOf(level)
  }
}

/** The time as pino writes it, which gives it as a member of an object. */
function timeNow(): string {
  return pino.stdTimeFunctions.isoTime().slice(',"time":"'.length, -1)
}

/** Turns a line of JSON into one for people: time, level, message, then `name=value`; an error's stack follows below. */
function asText(line: string): string {
  const { time, level, message, error, ...fields } = JSON.parse(line) as Record<string, unknown>
  let text = `${String(time)} ${String(level).toUpperCase().padEnd(5)} ${String(message)}`
  for (const [name, value] of Object.entries(fields)) text += ` ${name}=${fieldText(value)}`
  if (error !== undefined) text += `\n${errorText(error)}`
  return `${text}\n`
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value)
}

function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return `  ${JSON.stringify(error)}`
  const { stack, message } = error as { stack?: unknown; message?: unknown }
  const text = typeof stack === 'string' ? stack : String(message)
  return text.replace(/^/gm, '  ')
}
