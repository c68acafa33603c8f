/** `npm run quickstart`: every step on a corpus that is made on the spot, and what to do next. */
import { readFile, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { generateSyntheticCorpus } from '../../runtime/data/synthetic.ts'
import { shippedFile } from '../../runtime/formats/shipped.ts'
import type { RunMetrics } from '../../runtime/train/run.ts'
import { runFolder } from '../../runtime/train/run-folder.ts'
import { exitCodes } from '../failure.ts'
import { check } from './check.ts'
import { predict } from './predict.ts'
import { train } from './train.ts'

interface QuickstartOptions {
  readonly out: string
  readonly epochs: number
}

/** Samples in the corpus: enough to learn from in a minute or so. */
const size = 240

export async function quickstart({ out, epochs }: QuickstartOptions): Promise<number> {
  const started = Date.now()
  const say = (text: string): void => {
    process.stdout.write(`${text}\n`)
  }
  const spec = relative(process.cwd(), shippedFile('mcfn.model'))
  const corpus = join(out, 'corpus')
  const run = join(out, 'run')
  const model = join(run, 'model.onnx')

  say(`1. A corpus of ${size} samples, synthesised: nobody spoke or wrote them (${corpus})`)
  const { manifest, vectors } = await generateSyntheticCorpus(corpus, { seed: 1, size })
  const samples = (await readFile(manifest, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample)

  say(`\n2. The spec is checked\n$ npx mcfnc check ${spec}`)
  const checked = await check(spec, { printAfter: [] })
  if (checked !== exitCodes.fine) return checked
  say('no mistake')

  const set = { D: { text_dim: '100' } }
  const flags = `--data ${manifest} --vectors ${vectors} -D text_dim=100 --test-session 5`
  say(
    `\n3. The model is trained, exported and compared with the reference\n$ npx mcfnc train ${spec} ${flags} --epochs ${epochs} --lr 0.0005 --out ${run}`,
  )
  await rm(run, { recursive: true, force: true })
  const options = {
    ...set,
    data: manifest,
    vectors,
    testSession: 5,
    out: run,
    epochs,
    lr: 5e-4,
    engine: 'onnxruntime' as const,
  }
  const trained = await train(spec, options)
  if (trained !== exitCodes.fine) return trained

  const sample = samples.find(({ session }) => session === 5)
  if (!sample) throw new Error('the corpus has no session 5')
  const audio = join(corpus, sample.audio)
  say(`\n4. The model is used on a sample of the session that was held out, a case of ${sample.label}`)
  say(`$ npx mcfnc predict ${model} --audio ${audio} --text ${JSON.stringify(sample.text)} --vectors ${vectors}`)
  await predict(model, { audio, text: sample.text, vectors })
  const { test = {} } = JSON.parse(await readFile(runFolder(run).metrics, 'utf8')) as RunMetrics
  const classes = Object.values(test)[0]?.classes
  const share =
    classes && `Of the ${classes.samples} samples of that session ${Math.round(100 * classes.wa)}% are right.`
  say([`It was ${sample.label}.`, share].filter(Boolean).join(' '))

  say(`
Done in ${Math.round((Date.now() - started) / 1000)} s. Next:
  npx mcfnc summary ${spec}      the network's blocks, parameters and arithmetic
  npx mcfnc variants ${spec}     the paper's ablations
  npx mcfnc eval ${model} --data ${manifest} --vectors ${vectors} --session 5
  ${run} has the configuration, the log, the scores and the checkpoints
To train on speech of your own, write a manifest: a JSON object a line, such as
  {"id": "a1", "session": 1, "speaker": "A", "audio": "wav/a1.wav", "text": "I am fine.", "label": "neutral"}
and give it with --data, 16 kHz mono WAV files, and word vectors such as GloVe's with --vectors; the README says more.`)
  return exitCodes.fine
}

interface Sample {
  readonly session: number
  readonly audio: string
  readonly text: string
  readonly label: string
}
