/** `mcfnc eval`: the scores of a trained model on a manifest. */
import { nothingToEvaluate } from '../../compiler/diagnostics/catalogue/commands.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { readManifest, targetFields } from '../../runtime/data/manifest.ts'
import { openSession } from '../../runtime/engines/ort/session.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import { predictAll } from '../../runtime/engines/predict-all.ts'
import { bindInputs, bindPredictions, bindTargets } from '../../runtime/predict/binding.ts'
import { fromManifest, makeExamples } from '../../runtime/predict/examples.ts'
import { readModel } from '../../runtime/predict/model.ts'
import { scorePredictions } from '../../runtime/predict/scores.ts'
import { formatClasses, formatScores } from '../../runtime/report/scores.ts'
import { loadSources, sayCoverage } from '../data.ts'

interface EvalOptions {
  readonly data: string
  readonly vectors?: string
  readonly session?: number
  readonly threads?: number
  readonly json?: boolean
}

export async function evaluate(file: string, options: EvalOptions): Promise<undefined> {
  const { onnx, card } = await readModel(file)
  const { signature } = card
  const inputs = bindInputs(signature)
  const predictions = bindPredictions(signature)
  bindTargets(signature)
  const threads = options.threads ?? defaultThreads()
  const inputFor = (field: 'audio' | 'text'): string | undefined => inputs.find((input) => input.field === field)?.name
  const all = await readManifest(options.data, {
    // Without the names of labels: `-D` can no longer set them.
    targets: targetFields({ ...signature, labels: {} }),
    needs: { audio: inputFor('audio'), text: inputFor('text') },
  })
  const { session: wanted } = options
  const samples = wanted === undefined ? all : all.filter((sample) => sample.session === wanted)
  if (wanted !== undefined && samples.length === 0) {
    const sessions = [...new Set(all.map((sample) => sample.session))].sort((a, b) => a - b)
    throw new DiagnosticError([diagnose(nothingToEvaluate, undefined, { session: wanted, sessions })])
  }
  const { sources } = await loadSources(inputs, { ...options, threads }, card.features)
  const examples = await makeExamples(samples.map(fromManifest), inputs, signature, {
    ...sources,
    covered: sayCoverage,
  })
  const session = await openSession(onnx, { threads, spinning: false })
  try {
    const names = predictions.map(({ name }) => name)
    const scores = scorePredictions(predictions, await predictAll(session, inputs, examples, names), examples)
    process.stdout.write(
      options.json
        ? `${JSON.stringify(scores, undefined, 2)}\n`
        : `${formatScores('', scores)}\n${Object.values(scores).map(formatClasses).join('\n')}`,
    )
  } finally {
    await session.release()
  }
}
