import { createInterface } from 'node:readline'

/** The person or script that started a command: what it is told, and what it is asked. */
export interface Terminal {
  /** Writes a line of the command's result. */
  print(line: string): void
  /** Writes a line about what went wrong. */
  complain(line: string): void
  /** Asks for a secret without showing it; from a pipe, takes the first line. */
  askSecret(question: string): Promise<string>
}

/** The terminal or pipes of this process. */
export const processTerminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
  askSecret: (question) => (process.stdin.isTTY ? typedSecret(question) : pipedLine()),
}

async function pipedLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin })
  for await (const line of lines) {
    lines.close()
    return line
  }
  return ''
}

const controlC = '\u0003'
const backspaces = ['\u007f', '\b']

function typedSecret(question: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(question)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  return new Promise((resolve, reject) => {
    let secret = ''
    const end = (): void => {
      stdin.off('data', take)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
    }
    const take = (typed: string): void => {
      for (const letter of typed) {
        if (letter === '\r' || letter === '\n') {
          end()
          resolve(secret)
          return
        }
        if (letter === controlC) {
          end()
          reject(new Error('stopped'))
          return
        }
        secret = backspaces.includes(letter) ? secret.slice(0, -1) : secret + letter
      }
    }
    stdin.on('data', take)
    stdin.resume()
  })
}
