#!/usr/bin/env node
// Starts the built program. A checkout that was installed without its scripts has none yet, so it is built first.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const program = new URL('../dist/mcfnc.js', import.meta.url)
if (!existsSync(program)) {
  process.stderr.write('mcfnc is being built; this happens once\n')
  const folder = fileURLToPath(new URL('..', import.meta.url))
  const build = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (build.status !== 0) {
    process.stderr.write('mcfnc cannot be built: run `npm ci` and then `npm run build`, and see what they say\n')
    process.exit(1)
  }
}
// From Node 22 on, compiled code is kept between calls.
module.enableCompileCache?.()
await import(program.href)
