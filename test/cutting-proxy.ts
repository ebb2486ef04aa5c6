/** A proxy between a client and a PostgreSQL server that breaks connections at chosen moments. */
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'

/**
 * What happens to a connection when the client sends the text that is waited for:
 * `before`: cut without the server having seen it. `after`: the server does it, and the connection is cut before its
 * answer. `halfOpen`: cut for the client alone; the server never sees it and does not notice. `silence`: nothing goes
 * through any more, in either direction, and nobody is told.
 */
export type Cut = 'before' | 'after' | 'halfOpen' | 'silence'

export class CuttingProxy {
  readonly #pairs = new Set<{ readonly client: Socket; readonly server: Socket }>()
  readonly #halfOpen: Socket[] = []
  readonly #server
  #plan: { readonly text: string; readonly cut: Cut; times: number } | undefined
  #done = 0

  private constructor(target: string) {
    const url = new URL(target)
    const folder = url.searchParams.get('host')
    const port = Number(url.port || 5432)
    this.#server = createServer((client) => {
      const server = folder === null ? connect(port, url.hostname) : connect(`${folder}/.s.PGSQL.${port}`)
      this.#join(client, server)
    })
  }

  /** Opens a proxy to the server of the address `target`; gives it with the address to use in its place. */
  static async open(target: string): Promise<{ readonly proxy: CuttingProxy; readonly url: string }> {
    const proxy = new CuttingProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    const { port } = proxy.#server.address() as { port: number }
    const url = new URL(target)
    url.searchParams.delete('host')
    url.hostname = '127.0.0.1'
    url.port = String(port)
    return { proxy, url: String(url) }
  }

  /** Breaks the next connections that send `text`, so many times. */
  cutAt(text: string, cut: Cut, times = 1): void {
    this.#plan = { text, cut, times }
  }

  /** How many connections it has broken as planned. */
  get done(): number {
    return this.#done
  }

  /** Breaks every connection there is now. */
  cutAll(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy()
      server.destroy()
    }
  }

  /** Breaks everything and listens no more. */
  close(): void {
    this.#server.close()
    this.cutAll()
    for (const server of this.#halfOpen) server.destroy()
  }

  #join(client: Socket, server: Socket): void {
    const pair = { client, server }
    this.#pairs.add(pair)
    let cut: Cut | undefined
    const end = (): void => {
      this.#pairs.delete(pair)
      client.destroy()
      if (cut === 'halfOpen') this.#halfOpen.push(server)
      else server.destroy()
    }
    client.on('error', end).on('close', end)
    server.on('error', end).on('close', () => {
      // Nobody is told of the end of a server that has fallen silent.
      if (cut !== 'silence') end()
    })
    client.on('data', (chunk: Buffer) => {
      if (cut !== undefined) return
      const plan = this.#plan
      if (plan !== undefined && plan.times > 0 && chunk.includes(plan.text)) {
        plan.times -= 1
        this.#done += 1
        cut = plan.cut
        if (cut === 'after') server.write(chunk)
        else if (cut !== 'silence') end()
      } else server.write(chunk)
    })
    server.on('data', (chunk: Buffer) => {
      if (cut === undefined) client.write(chunk)
      else if (cut === 'after') end()
    })
  }
}
