/** How long a training step takes in an engine, on made-up samples of one length. */
import type { Program } from '../../compiler/artefact.ts'
import { initialValues } from '../../compiler/train/initialise.ts'
import { type Engine, emptySlots } from '../engines/engine.ts'
import type { Example } from '../predict/batch.ts'
import { freshMemory } from '../predict/batch.ts'
import { bindInputs, bindTargets } from '../predict/binding.ts'
import { assembleStep } from '../train/loop.ts'
import { keyOf, uniformAt } from '../train/noise.ts'
import { defaultRecipe } from '../train/recipe.ts'

/** How many samples, and how long each is. */
export interface StepSize {
  readonly batch: number
  readonly lengths: Readonly<Record<string, number>>
}

/** The time of the second step in milliseconds: the first compiles. Throws a DiagnosticError where the engine fails. */
export async function timeStep(
  engine: Engine,
  program: Program,
  { batch, lengths }: StepSize,
  now: () => number,
): Promise<number> {
  const compiled = engine.compile(program, 'adam')
  const { layout } = compiled
  const inputs = bindInputs(program.signature)
  const targets = bindTargets(program.signature)
  const key = keyOf('step time')
  const examples = Array.from({ length: batch }, (_, i): Example => {
    const rows = inputs.map(({ name, seq, width }): [string, Float32Array] => [
      name,
      Float32Array.from({ length: (lengths[seq] ?? 1) * width }, (_, k) => uniformAt(key, k + i) - 0.5),
    ])
    // Class 0 is there in every model.
    const values = targets.map(({ name, dims }): [string, number[]] => [
      name,
      new Array<number>(dims.reduce((x, y) => x * y, 1)).fill(0),
    ])
    return { id: `s${i}`, rows: Object.fromEntries(rows), targets: Object.fromEntries(values) }
  })
  const start = {
    params: initialValues(layout.params, 0),
    states: initialValues(layout.states, 0),
    slots: emptySlots(layout),
  }
  const trainer = await compiled.open(start, inputs, [])
  try {
    const feeds = assembleStep({ inputs, targets, layout, recipe: defaultRecipe }, examples, 1, freshMemory)
    const control = {
      learningRate: 1e-4,
      clipNorm: 5,
      learningRateScale: new Float32Array(layout.params.size).fill(1),
      weightDecay: new Float32Array(layout.params.size),
    }
    await trainer.take(feeds, { ...control, step: 1 })
    const begin = now()
    await trainer.take(feeds, { ...control, step: 2 })
    return now() - begin
  } finally {
    await trainer.release()
  }
}
