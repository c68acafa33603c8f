/** The paper's network itself as people use it: quickstart, and a run that is killed and resumed in the same bits. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateSyntheticCorpus } from '../../runtime/data/synthetic.ts'
import { mcfnc, type Outcome, type RunOptions } from '../support/program.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-network-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the quickstart goes through, and the model has learnt something', async () => {
  const { code, stdout } = await mcfnc(['quickstart', '--out', join(folder, 'quickstart')])
  expect(code).toBe(0)
  expect(stdout).toContain('Next:')
  const metrics = JSON.parse(await readFile(join(folder, 'quickstart/run/metrics.json'), 'utf8'))
  const { samples, wa } = metrics.test.emotion.classes
  expect(stdout).toContain(`Of the ${samples} samples of that session ${Math.round(100 * wa)}% are right.`)
  // Four classes: a guess has 0.25.
  expect(metrics.test.emotion.classes.ua).toBeGreaterThan(0.45)
})

test('a run of MCFN that is killed ends in the same bits, on several threads', async () => {
  const { manifest, vectors } = await generateSyntheticCorpus(join(folder, 'corpus'), { seed: 5, size: 60 })
  const train = (out: string, options: RunOptions = {}): Promise<Outcome> => {
    const data = ['--data', manifest, '--vectors', vectors, '-D', 'text_dim=100', '--test-session', '1']
    const rest = ['--variant', 'scaled', '--threads', '2', '--epochs', '3', '--out', join(folder, out)]
    const resume = existsSync(join(folder, out)) ? ['--resume'] : []
    return mcfnc(['train', 'specs/mcfn.model', ...data, ...rest, ...resume], options)
  }
  expect((await train('whole')).code).toBe(0)
  for (const [line, delay] of [
    ['samples to train', 700],
    ['epoch 1/3', 0],
    ['epoch 2/3', 500],
    ['epoch 3/3', 300],
  ] as const) {
    await train('killed', {
      onOutput: (child, stderr) => {
        if (stderr.includes(line)) setTimeout(() => child.kill('SIGKILL'), delay)
      },
    })
  }
  expect((await train('killed')).code).toBe(0)
  for (const name of ['log.jsonl', 'metrics.json', 'weights.safetensors', 'model.onnx'])
    expect(
      (await readFile(join(folder, 'killed', name))).equals(await readFile(join(folder, 'whole', name))),
      name,
    ).toBe(true)
})
