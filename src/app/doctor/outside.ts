import { Resolver } from 'node:dns/promises'
import { TLSSocket } from 'node:tls'
import { Agent, buildConnector, interceptors, request } from 'undici'

/** How long anybody may take to answer. */
const answerMsMax = 5_000
/** As much as is read of an answer. */
const answerBytesMax = 262_144
const redirectsMax = 5

/** Somewhere else than a name or address says by itself. */
export interface Place {
  readonly host: string
  readonly port: number
}

/** What somebody answered. */
export interface Heard {
  /** What is wrong with it, as the end of a sentence: `answers 502`; undefined for a 200. */
  readonly why: string | undefined
  readonly body: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** When its certificate ends, in milliseconds since 1970; undefined without one. */
  readonly certificateEndsMs: number | undefined
}

/** The world beyond this machine, as others see it: what the doctor asks it, changing nothing. */
export class Outside {
  readonly #connect: buildConnector.connector
  readonly #services: (name: string) => Promise<readonly (Place & { readonly priority: number })[]>

  /** `connect` and `services` are for a world of a test's own. */
  constructor(
    options: {
      readonly connect?: buildConnector.connector
      readonly services?: (name: string) => Promise<Place[]>
    } = {},
  ) {
    this.#connect = options.connect ?? buildConnector({ timeout: answerMsMax })
    const { services } = options
    this.#services =
      services === undefined
        ? resolveServices
        : async (name) => (await services(name)).map((place) => ({ ...place, priority: 0 }))
  }

  /** Gets a page, following redirects, `through` another place than its address names. Never rejects. */
  async get(url: string, through?: Place): Promise<Heard> {
    let certificateEndsMs: number | undefined
    const connect: buildConnector.connector = (options, callback) => {
      const servername = options.servername ?? options.hostname
      const elsewhere = through === undefined ? {} : { hostname: through.host, port: String(through.port), servername }
      this.#connect({ ...options, ...elsewhere }, (...given) => {
        const [, socket] = given
        if (socket instanceof TLSSocket) certificateEndsMs = Date.parse(socket.getPeerCertificate().valid_to)
        callback(...given)
      })
    }
    const agent = new Agent({ connect, maxResponseSize: answerBytesMax })
    const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: redirectsMax }))
    const times = { headersTimeout: answerMsMax, bodyTimeout: answerMsMax }
    try {
      const { statusCode, headers, body } = await request(url, { dispatcher, ...times })
      const why = statusCode === 200 ? undefined : `answers ${statusCode}`
      return { why, body: await body.text(), headers, certificateEndsMs }
    } catch (error) {
      return { why: `does not answer (${wordsOf(error)})`, body: '', headers: {}, certificateEndsMs }
    } finally {
      await agent.destroy()
    }
  }

  /** Where the SRV records of a name lead, the most wanted first. Throws when DNS does not answer. */
  async services(name: string): Promise<readonly Place[]> {
    const found = await this.#services(name)
    return [...found].sort((a, b) => a.priority - b.priority)
  }
}

async function resolveServices(name: string): Promise<(Place & { priority: number })[]> {
  try {
    const records = await new Resolver({ timeout: answerMsMax, tries: 1 }).resolveSrv(name)
    return records.map((record) => ({ host: record.name, port: record.port, priority: record.priority }))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    throw error
  }
}

/** Node gives an error for each address that it tried, under one without words. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return wordsOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}
