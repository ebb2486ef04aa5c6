import type { Config } from './config.ts'

/**
 * The address under which clients reach us, without a slash at its end: what the configuration says; else the server's
 * name, or for a trial on one machine (localhost) the port of the first listener. Port 0 is any free one: which it has
 * become, `listening` says, the address where that listener listens, once it does.
 */
export function publicAddressOf(
  config: Pick<Config, 'publicAddress' | 'serverName' | 'listeners'>,
  listening: string | undefined,
): string {
  const [listener] = config.listeners
  if (config.publicAddress !== undefined) return config.publicAddress
  if (!isTrial(config) || listener === undefined) return `https://${config.serverName}`
  const port = listener.port === 0 && listening !== undefined ? new URL(listening).port : listener.port
  return `${listener.tls === undefined ? 'http' : 'https'}://localhost:${port}`
}

/** Whether the server's name is one that means another machine on each machine, so that nobody else reaches it. */
export function isTrial({ serverName }: Pick<Config, 'serverName'>): boolean {
  return serverName.split(':', 1)[0] === 'localhost'
}
