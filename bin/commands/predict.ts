/** `mcfnc predict`: a trained model's answer for one recording and its text. */
import { inputNotGiven, inputNotTaken } from '../../compiler/diagnostics/catalogue/commands.ts'
import { diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { openSession } from '../../runtime/engines/ort/session.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import { predictAll } from '../../runtime/engines/predict-all.ts'
import { bindInputs, bindPredictions } from '../../runtime/predict/binding.ts'
import { makeExamples } from '../../runtime/predict/examples.ts'
import { readModel } from '../../runtime/predict/model.ts'
import { checkDistributions } from '../../runtime/predict/scores.ts'
import { formatAnswers, nameAnswers } from '../../runtime/report/answers.ts'
import { loadSources, warnOfUnknownWords } from '../data.ts'
import { CallError, colourful } from '../failure.ts'

interface PredictOptions {
  readonly audio?: string
  readonly text?: string
  readonly vectors?: string
  readonly threads?: number
  readonly json?: boolean
}

const units = { audio: 'F.wav', text: '"…"' } as const

export async function predict(file: string, options: PredictOptions): Promise<undefined> {
  const { onnx, card } = await readModel(file)
  const { signature, features } = card
  const inputs = bindInputs(signature)
  const predictions = bindPredictions(signature)
  for (const field of ['audio', 'text'] as const) {
    const input = inputs.find((one) => one.field === field)
    const option = `--${field}`
    if (input && options[field] === undefined)
      throw new CallError([diagnose(inputNotGiven, undefined, { input: input.name, option, unit: units[field] })])
    if (!input && options[field] !== undefined)
      throw new CallError([diagnose(inputNotTaken, undefined, { option, inputs: inputs.map(({ name }) => name) })])
  }
  const threads = options.threads ?? defaultThreads()
  const { sources } = await loadSources(inputs, { ...options, threads }, features)
  const { audio, text } = options
  const sample = { id: 'sample', audio, text, targets: {}, where: '--text', audioWhere: audio ?? '' }
  const examples = await makeExamples([sample], inputs, signature, { ...sources, covered: warnOfUnknownWords })
  const session = await openSession(onnx, { threads, spinning: false })
  try {
    const [made = {}] = await predictAll(
      session,
      inputs,
      examples,
      predictions.map(({ name }) => name),
    )
    for (const prediction of predictions) {
      const values = made[prediction.name] ?? new Float32Array(0)
      const classes = signature.targets.find(({ name }) => name === prediction.name)?.below
      checkDistributions(prediction, values, classes ?? values.length)
    }
    const answers = nameAnswers(predictions, made)
    process.stdout.write(
      options.json ? `${JSON.stringify(answers, undefined, 2)}\n` : formatAnswers(answers, colourful(process.stdout)),
    )
  } finally {
    await session.release()
  }
}
