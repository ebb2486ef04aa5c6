#!/usr/bin/env node
// The program is TypeScript that Node.js runs as it is, from version 24 on. On a machine whose own Node.js is older, the
// one among the dependencies runs it. This file is JavaScript that old versions understand.
'use strict'

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const nodeMajorMin = 24
const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The Node.js among the dependencies; undefined where there is none for this kind of machine. */
function pinnedNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const packages = [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`]
  return packages
    .flatMap((name) => [join(root, 'node_modules', name), join(root, '..', name)])
    .map((folder) => join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node'))
    .find((file) => existsSync(file))
}

/** Runs this same file with another Node.js, as if that had been started. */
function runWith(node) {
  // systemd watches the process that serves, which tells it so: not this one alone, as it said when it started it.
  const { WATCHDOG_PID: _pid, ...env } = process.env
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit', env })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)))
}

/** Runs the program in this process. */
async function run() {
  // What was compiled once is kept, which halves the time to start. A folder that cannot be written does no harm.
  module.enableCompileCache(join(root, 'node_modules', '.cache', 'tessera'))
  const { main } = await import('../src/app/main.ts')
  const { processTerminal } = await import('../src/app/terminal.ts')
  process.exitCode = await main(process.argv.slice(2), processTerminal)
}

if (Number(process.versions.node.split('.')[0]) >= nodeMajorMin) {
  await run()
} else {
  const node = pinnedNode()
  if (node === undefined) {
    process.stderr.write(`Tessera needs Node.js ${nodeMajorMin} or later; this is ${process.versions.node}.\n`)
    process.exitCode = 1
  } else {
    runWith(node)
  }
}
