/** Probes are processes of their own: whatever happens to one is told, and happens to no other. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runProbe } from '../../../bin/probes.ts'

const folder = mkdtempSync(join(tmpdir(), 'mcfnc-probes-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A program in the place of `mcfnc`, run as a probe. */
function run(text: string, limits = { find: 20_000, step: 20_000 }): ReturnType<typeof runProbe> {
  const file = join(folder, `${Math.random()}.mjs`)
  writeFileSync(file, text)
  return runProbe(file, ['doctor', '--probe', 'some/thing'], limits)
}
const found = "process.send({ kind: 'found', state: 'ready', details: {} })"
const forever = 'setInterval(() => {}, 1000)'

test('it is asked by name, and ended when it has said all, though it would go on', async () => {
  const text = `${found}; process.send({ kind: 'step', ms: 5, argv: process.argv.slice(2) }); process.send({ kind: 'end' }); ${forever}`
  expect(await run(text)).toEqual({
    findings: [
      { kind: 'found', state: 'ready', details: {} },
      { kind: 'step', ms: 5, argv: ['doctor', '--probe', 'some/thing'] },
      { kind: 'end' },
    ],
    late: false,
    stderr: '',
  })
})

test('what it prints is kept, and not shown', async () => {
  const text = `console.log('noise'); console.error('vkCreateInstance: Found no drivers!'); process.send({ kind: 'end' })`
  expect(await run(text)).toMatchObject({
    stderr: 'vkCreateInstance: Found no drivers!\n',
    findings: [{ kind: 'end' }],
  })
})

test('a crash is told', async () => {
  const text = `process.send({ kind: 'found', state: 'ready', details: {} }, () => process.kill(process.pid, 'SIGSEGV'))`
  expect(await run(text)).toMatchObject({
    findings: [{ kind: 'found' }],
    cut: 'its process was ended by SIGSEGV',
    late: false,
  })
})

test('an exit is told, with the error before it', async () => {
  const text = `console.error('error[MCF6699]: internal error in doctor: oh'); process.exitCode = 1`
  expect(await run(text)).toMatchObject({
    findings: [],
    cut: 'its process ended with code 1: error[MCF6699]: internal error in doctor: oh',
  })
})

test('one that hangs is ended, before it has found something and after', async () => {
  expect(await run(forever, { find: 300, step: 20_000 })).toMatchObject({
    findings: [],
    cut: 'no answer within 0.3 s',
    late: true,
  })
  expect(await run(`${found}; while (true);`, { find: 20_000, step: 300 })).toMatchObject({
    findings: [{ kind: 'found' }],
    late: true,
  })
})
