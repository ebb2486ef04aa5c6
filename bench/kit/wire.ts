import { connect, type Socket } from 'node:net'

/** What a server answered. */
export interface WireAnswer {
  readonly status: number
  readonly body: string
}

interface Waiting {
  readonly resolve: (answer: WireAnswer) => void
  readonly reject: (error: Error) => void
}

/** Why a connection is thrown away: it answered nothing for this long. */
const silenceMsMax = 60_000

/**
 * The least that is needed of HTTP/1.1 over kept connections: the client shares the machine with what it measures, and
 * costs a fraction of a general one this way. Plain HTTP only.
 */
export class Wire {
  readonly #host: string
  readonly #port: number
  readonly #free: Connection[] = []

  constructor(url: string) {
    const { protocol, hostname, port } = new URL(url)
    if (protocol !== 'http:') throw new Error(`${url}: only http: is spoken here`)
    this.#host = hostname
    this.#port = Number(port || 80)
  }

  /** Sends one request on a free connection, a new one if there is none. */
  async request(method: string, path: string, token?: string, body?: string): Promise<WireAnswer> {
    const connection = this.#free.pop() ?? (await Connection.open(this.#host, this.#port))
    let head = `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}:${this.#port}\r\n`
    if (token !== undefined) head += `Authorization: Bearer ${token}\r\n`
    if (body !== undefined) {
      head += `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
    }
    const answer = await connection.send(`${head}\r\n${body ?? ''}`)
    if (connection.open) this.#free.push(connection)
    return answer
  }

  /** Closes the connections that are not in use. */
  close(): void {
    for (const connection of this.#free.splice(0)) connection.close()
  }
}

class Connection {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #waiting: Waiting | undefined
  open = true

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setTimeout(silenceMsMax, () => socket.destroy(new Error('the server has been silent for too long')))
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static open(host: string, port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      })
    })
  }

  send(text: string): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(text)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #fail(error: Error): void {
    this.open = false
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const answer = parseAnswer(this.#received)
    if (answer === undefined) return
    this.#received = Buffer.alloc(0)
    if (answer.close) this.open = false
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(answer)
  }
}

/** The answer in `received`, or undefined while some of it is missing. One answer at most: nothing is pipelined. */
function parseAnswer(received: Buffer): (WireAnswer & { readonly close: boolean }) | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = received.toString('latin1', 0, headEnd).toLowerCase()
  const status = Number(head.slice(9, 12))
  const close = head.includes('\r\nconnection: close')
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1]
  const start = headEnd + 4
  if (length === undefined) {
    const body = head.includes('\r\ntransfer-encoding: chunked') ? parseChunks(received, start) : ''
    return body === undefined ? undefined : { status, body, close }
  }
  const end = start + Number(length)
  return received.length < end ? undefined : { status, body: received.toString('utf8', start, end), close }
}

function parseChunks(received: Buffer, start: number): string | undefined {
  const chunks: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = received.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(received.toString('latin1', at, lineEnd), 16)
    const chunkEnd = lineEnd + 2 + size
    if (received.length < chunkEnd + 2) return undefined
    if (size === 0) return Buffer.concat(chunks).toString()
    chunks.push(received.subarray(lineEnd + 2, chunkEnd))
    at = chunkEnd + 2
  }
}
