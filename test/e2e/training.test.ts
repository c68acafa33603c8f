/** Training as a process: to the end, killed and resumed in the same bits, interrupted, and with bad data. */
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateSyntheticCorpus, type SyntheticCorpus } from '../../runtime/data/synthetic.ts'
import { mcfnc, type Outcome, type RunOptions } from '../support/program.ts'

let folder = ''
let corpus: SyntheticCorpus
let env: Record<string, string>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-training-'))
  corpus = await generateSyntheticCorpus(join(folder, 'corpus'), { seed: 3, size: 40 })
  env = { MCFNC_CACHE: join(folder, 'cache') }
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

function train(out: string, extra: readonly string[] = [], options: RunOptions = {}): Promise<Outcome> {
  const data = ['--data', corpus.manifest, '--vectors', corpus.vectors]
  const args = ['--epochs', '4', '--batch-size', '6', '--lr', '0.01', '--threads', '1', ...extra]
  const held = extra.some((flag) => flag === '--test-session' || flag === '--folds') ? [] : ['--test-session', '2']
  return mcfnc(['train', 'test/e2e/tiny.model', ...data, ...held, '--out', join(folder, out), ...args], {
    env,
    ...options,
  })
}

const results = ['config.json', 'log.jsonl', 'metrics.json', 'weights.safetensors', 'model.onnx']
async function expectSameRun(a: string, b: string): Promise<void> {
  for (const name of results)
    expect((await readFile(join(folder, a, name))).equals(await readFile(join(folder, b, name))), name).toBe(true)
}

describe('a whole run', () => {
  test('trains, and leaves everything in its folder', async () => {
    const { code, stdout, stderr } = await train('whole')
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('epoch 4/4') })
    expect(stdout).toContain('UA')
    expect((await readdir(join(folder, 'whole'))).sort()).toEqual([...results, 'checkpoints', 'spec'].sort())
    const log = (await readFile(join(folder, 'whole/log.jsonl'), 'utf8')).trim().split('\n')
    expect(log.length).toBe(4)
    const metrics = JSON.parse(await readFile(join(folder, 'whole/metrics.json'), 'utf8'))
    expect(metrics.test.emotion.classes.samples).toBe(8)
    expect(metrics.test.emotion.classes).toHaveProperty('confusion')
    const config = JSON.parse(await readFile(join(folder, 'whole/config.json'), 'utf8'))
    expect(config).toMatchObject({ recipe: { epochs: 4, seed: 0 }, engine: { threads: 1 }, data: { test_session: 2 } })
    expect(await readFile(join(folder, 'whole/spec/test/e2e/tiny.model'), 'utf8')).toContain('model Tiny')
  })

  test('a second run of it gives the same bits', async () => {
    expect((await train('again')).code).toBe(0)
    await expectSameRun('again', 'whole')
  })

  test('eval agrees with the run, and predict with the classes', async () => {
    const model = join(folder, 'whole/model.onnx')
    const data = ['--data', corpus.manifest, '--vectors', corpus.vectors]
    const { stdout } = await mcfnc(['eval', model, ...data, '--session', '2', '--json'], { env })
    const metrics = JSON.parse(await readFile(join(folder, 'whole/metrics.json'), 'utf8'))
    expect(JSON.parse(stdout).emotion.classes).toEqual(metrics.test.emotion.classes)
    expect((await mcfnc(['eval', model, ...data], { env })).stdout).toContain('recall')

    const sample = JSON.parse((await readFile(corpus.manifest, 'utf8')).split('\n')[0] ?? '')
    const given = ['--audio', join(folder, 'corpus', sample.audio), '--text', sample.text, '--vectors', corpus.vectors]
    const answer = JSON.parse((await mcfnc(['predict', model, ...given, '--json'], { env })).stdout)
    const probabilities: number[] = Object.values(answer.emotion.probabilities)
    expect(Object.keys(answer.emotion.probabilities).sort()).toEqual(['anger', 'happiness', 'neutral', 'sadness'])
    expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a))
    expect((await mcfnc(['predict', model, ...given], { env })).stdout).toContain(answer.emotion.label)
    expect((await mcfnc(['predict', model, '--text', 'x', '--vectors', corpus.vectors], { env })).code).toBe(2)
    expect((await mcfnc(['predict', model, ...given.slice(0, 4)], { env })).code).toBe(2)
  })

  test('build takes the weights that a run left', async () => {
    const out = join(folder, 'built.onnx')
    const weights = join(folder, 'whole/weights.safetensors')
    const args = ['build', 'test/e2e/tiny.model', '--target', 'onnx', '--weights', weights, '-o', out]
    expect((await mcfnc(args, { env })).code).toBe(0)
  })

  test('a folder in use is not written into, and a run is resumed with its own configuration only', async () => {
    const before = await readFile(join(folder, 'whole/metrics.json'))
    expect(await train('whole')).toMatchObject({ code: 1, stderr: expect.stringContaining('MCF6540') })
    const other = await train('whole', ['--resume', '--seed', '5'])
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('recipe.seed: 0 then, 5 now') })
    expect(other.stderr).toContain('resume it with `--seed 0`')
    const again = await train('whole', ['--resume'])
    expect(again).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^the run had finished already: nothing was/),
    })
    expect(again.stdout).toContain('UA')
    expect(again.stderr).not.toContain('epoch')
    expect(await readFile(join(folder, 'whole/metrics.json'))).toEqual(before)
  })

  test('a run that is killed at any moment ends in the same bits', async () => {
    // A kill after each of these lines, and a few milliseconds later and later, hits steps, validation and checkpoints.
    let kills = 0
    for (let round = 0; round < 14; round++) {
      const line = round % 5 === 0 ? 'samples to train' : 'epoch '
      const outcome = await train('killed', existsSync(join(folder, 'killed')) ? ['--resume'] : [], {
        onOutput: (child, stderr) => {
          if (stderr.includes(line)) setTimeout(() => child.kill('SIGKILL'), (round * 7) % 60)
        },
      })
      if (outcome.signal === 'SIGKILL') kills++
      else break
    }
    expect(kills).toBeGreaterThanOrEqual(4)
    expect((await train('killed', ['--resume'])).code).toBe(0)
    await expectSameRun('killed', 'whole')
    expect((await readdir(join(folder, 'killed'))).filter((name) => name.endsWith('.part'))).toEqual([])
  }, 240_000)

  test('a run ends on SIGINT with a hint, and resumes', async () => {
    const outcome = await train('interrupted', [], {
      onOutput: (child, stderr) => {
        if (stderr.includes('epoch 1/4') && !stderr.includes('ending')) child.kill('SIGINT')
      },
    })
    expect(outcome).toMatchObject({ code: 130, stderr: expect.stringContaining('--resume') })
    expect((await train('interrupted', ['--resume'])).code).toBe(0)
    await expectSameRun('interrupted', 'whole')
  })
})

test('a model that predicts logits is told so by train, eval and predict', async () => {
  const spec = join(folder, 'logits.model')
  const text = await readFile('test/e2e/tiny.model', 'utf8')
  await writeFile(spec, text.replace('predict emotion = softmax(z)', 'predict emotion = z'))
  const data = ['--data', corpus.manifest, '--vectors', corpus.vectors]
  const model = join(folder, 'logits.onnx')
  const alone = ['--variant', 'text alone']
  expect((await mcfnc(['build', spec, '--target', 'onnx', ...alone, '-o', model], { env })).code).toBe(0)
  for (const args of [
    ['train', spec, ...data, ...alone, '--out', join(folder, 'logits')],
    ['eval', model, ...data],
    ['predict', model, '--text', 'I am happy.', '--vectors', corpus.vectors],
  ]) {
    const { code, stderr } = await mcfnc(args, { env })
    expect({ code, stderr }, args[0]).toMatchObject({ code: 1, stderr: expect.stringContaining('MCF6612') })
    expect(stderr).toContain('predict emotion = softmax(z)')
  }
  expect(existsSync(join(folder, 'logits'))).toBe(false)
})

test('words that are not in the vectors are counted, and warned of', async () => {
  const model = join(folder, 'words.onnx')
  const spec = 'test/e2e/tiny.model'
  const built = ['build', spec, '--target', 'onnx', '--variant', 'text alone', '-o', model]
  expect((await mcfnc(built, { env })).code).toBe(0)
  const vectors = join(folder, 'few.txt')
  await writeFile(vectors, `yes${' 0.5'.repeat(100)}\n`)
  const manifest = join(folder, 'few.jsonl')
  const score = async (text: string): Promise<Outcome> => {
    await writeFile(manifest, JSON.stringify({ id: 'a', session: 1, text, label: 'anger' }))
    return mcfnc(['eval', model, '--data', manifest, '--vectors', vectors], { env })
  }
  expect(await score('Yes nein yes')).toMatchObject({ code: 0, stderr: `2 of 3 words are in ${vectors}\n` })
  expect(await score('nein yes nein')).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^1 of 3 [\s\S]*MCF6528/),
  })
  const predict = (text: string): Promise<Outcome> =>
    mcfnc(['predict', model, '--text', text, '--vectors', vectors], { env })
  expect(await predict('nein yes nein')).toMatchObject({ code: 0, stderr: '' })
  expect(await predict('nein')).toMatchObject({ code: 0, stderr: expect.stringContaining('MCF6528') })
})

test('each session in turn: a folder each, and a summary', async () => {
  const { code, stdout } = await train('sessions', ['--test-session', 'all', '--epochs', '1'])
  expect(code).toBe(0)
  const names = await readdir(join(folder, 'sessions'))
  expect(names.sort()).toEqual(['session-1', 'session-2', 'session-3', 'session-4', 'session-5', 'summary.json'])
  const summary = JSON.parse(await readFile(join(folder, 'sessions/summary.json'), 'utf8'))
  const scores = Object.values<Record<string, number>>(summary.folds).map((row) => row['emotion.ua'] ?? Number.NaN)
  expect(summary.mean['emotion.ua']).toBeCloseTo(scores.reduce((a, b) => a + b, 0) / 5, 12)
  expect(stdout).toContain('mean')
  expect((await train('sessions', ['--test-session', 'all', '--epochs', '1', '--resume'])).code).toBe(0)
})

describe('bad data leaves nothing behind', () => {
  async function withLine(line: string): Promise<Outcome> {
    const manifest = join(folder, 'corpus/bad.jsonl')
    await writeFile(manifest, `${await readFile(corpus.manifest, 'utf8')}${line}\n`)
    const data = ['--data', manifest, '--vectors', corpus.vectors, '--out', join(folder, 'bad')]
    return mcfnc(['train', 'test/e2e/tiny.model', ...data], { env })
  }
  const good = { id: 'x', session: 1, audio: 'wav/syn_0001.wav', text: 'hello', label: 'anger' }

  test.each([
    ['a line that is no JSON', '{"id": 1', 'MCF6003'],
    ['an unknown label', JSON.stringify({ ...good, label: 'angre' }), 'anger'],
    ['a missing file', JSON.stringify({ ...good, audio: 'wav/none.wav' }), 'wav/none.wav'],
    ['an audio file that is none', JSON.stringify({ ...good, audio: 'manifest.jsonl' }), 'MCF61'],
    ['no session', JSON.stringify({ ...good, session: undefined }), 'session'],
  ])('%s', async (_, line, text) => {
    const { code, stderr } = await withLine(line)
    expect(code).toBe(1)
    expect(stderr).toContain('bad.jsonl:41')
    expect(stderr).toContain(text)
    expect(stderr).not.toContain('internal')
    expect(existsSync(join(folder, 'bad'))).toBe(false)
  })

  test('a session that is not there, vectors of another width, no vectors, a bad recipe', async () => {
    const recipe = join(folder, 'recipe.json')
    await writeFile(recipe, '{ "epochs": 0, "monitor": "luck", "speed": 1 }')
    expect(await train('bad', ['--test-session', '9'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('session 9'),
    })
    const wide = await train('bad', ['-D', 'text_dim=50'])
    expect(wide).toMatchObject({ code: 1, stderr: expect.stringContaining('-D text_dim=100') })
    const wrong = await train('bad', ['--recipe', recipe])
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/epochs[\s\S]*monitor|speed/) })
    const args = ['train', 'test/e2e/tiny.model', '--data', corpus.manifest, '--out', join(folder, 'bad')]
    expect(await mcfnc(args, { env })).toMatchObject({ code: 2, stderr: expect.stringContaining('--vectors') })
    expect(existsSync(join(folder, 'bad'))).toBe(false)
  })

  test('a model without a loss and globs that name nothing are found before data are read', async () => {
    const spec = join(folder, 'lossless.model')
    await writeFile(spec, (await readFile('test/e2e/tiny.model', 'utf8')).replace(/^ *loss .*$/m, ''))
    const recipe = join(folder, 'globs.json')
    await writeFile(recipe, '{ "freeze": ["nothing.**"] }')
    const data = ['--data', 'nowhere.jsonl', '--vectors', 'nowhere.txt', '--out', join(folder, 'bad')]
    expect(await mcfnc(['train', spec, ...data], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('MCF5006'),
    })
    const frozen = await mcfnc(['train', 'test/e2e/tiny.model', ...data, '--recipe', recipe], { env })
    expect(frozen).toMatchObject({ code: 1, stderr: expect.stringContaining('MCF6513') })
    expect(existsSync(join(folder, 'bad'))).toBe(false)
  })

  test('there is nothing to resume in a folder that is not there', async () => {
    expect(await train('bad', ['--resume'])).toMatchObject({ code: 1, stderr: expect.stringContaining('MCF6542') })
    expect(existsSync(join(folder, 'bad'))).toBe(false)
  })

  test('a folder of another kind is left alone', async () => {
    await cp(join(folder, 'corpus'), join(folder, 'mine'), { recursive: true })
    expect((await train('mine')).code).toBe(1)
    expect((await train('mine', ['--resume'])).code).toBe(1)
    expect((await readdir(join(folder, 'mine'))).length).toBe((await readdir(join(folder, 'corpus'))).length)
  })
})
