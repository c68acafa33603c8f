/** The files of an emitted module: the code, its declarations, its weights, and what it says of itself. */
import { readFileSync } from 'node:fs'
import type { Program } from '../../../compiler/artefact.ts'
import { emitTfjs, type TfjsModule, type TfjsOptions } from '../../../compiler/emit/tfjs/module.ts'
import { type Dim, formatDim } from '../../../compiler/shapes/dim.ts'
import { encodeSafetensors } from '../../formats/safetensors.ts'
import { shippedFile } from '../../formats/shipped.ts'
import type { FeatureSettings } from '../../predict/metadata.ts'
import { nameWeights } from '../../train/checkpoint.ts'
import { version } from '../../version.ts'
import type { Weights } from '../engine.ts'

export interface ModuleParts {
  readonly program: Program
  /** The files' name without its ending, `mcfn`. */
  readonly name: string
  readonly features: FeatureSettings
  /** The weights to begin with, given where each lies. */
  readonly weights: (module: TfjsModule) => Pick<Weights, 'params' | 'states'>
  readonly options: Pick<TfjsOptions, 'optimiser' | 'lineOf'>
}

export interface ModuleFiles {
  readonly module: TfjsModule
  /** By name. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** Throws a DiagnosticError where the model has no loss, or tfjs cannot run it. */
export async function moduleFiles({ program, name, features, weights, options }: ModuleParts): Promise<ModuleFiles> {
  const module = emitTfjs(program, { ...options, producerVersion: version })
  const description = describeModule(program, module, name, features)
  await checkDescription(description)
  const text = (content: string): Uint8Array => new TextEncoder().encode(content)
  const tensors = nameWeights(module, weights(module))
  const files: [string, Uint8Array][] = [
    [`${name}.mjs`, text(module.text)],
    [`${name}.d.ts`, text(module.declarations)],
    // Where TypeScript looks for the types of a file that ends in .mjs.
    [`${name}.d.mts`, text(`export * from './${name}.js'\n`)],
    [`${name}.safetensors`, encodeSafetensors({ tensors, metadata: { step: '0' } })],
    [`${name}.json`, text(`${JSON.stringify(description, undefined, 2)}\n`)],
  ]
  return { module, files: new Map(files) }
}

/** What `specs/schemas/tfjs-module.schema.json` describes. */
function describeModule(
  { signature }: Program,
  { params, states, noise, optimiser }: TfjsModule,
  name: string,
  features: FeatureSettings,
): object {
  const shape = (dims: readonly Dim[]): string[] => dims.map(formatDim)
  const dtype = (of: 'f32' | 'i64'): string => (of === 'f32' ? 'float32' : 'int32')
  return {
    format: 1,
    model: signature.model,
    variants: signature.variants,
    module: `${name}.mjs`,
    weights: `${name}.safetensors`,
    optimiser,
    parameters: params.size,
    states: states.size,
    inputs: signature.inputs.map((input) => ({
      name: input.name,
      dtype: dtype(input.dtype),
      shape: ['batch', ...shape(input.dims)],
      ...(input.lengths === undefined ? {} : { lengths: input.lengths }),
      ...(input.below === undefined ? {} : { below: input.below }),
    })),
    lengths: signature.bounds,
    targets: signature.targets.map((target) => ({
      name: target.name,
      dtype: dtype(target.dtype),
      shape: ['batch', ...shape(target.dims)],
      ...(target.below === undefined ? {} : { below: target.below }),
      ...(target.classes === undefined ? {} : { classes: target.classes }),
    })),
    predictions: signature.predictions,
    outputs: signature.outputs,
    losses: signature.losses,
    noise: noise.map((input) => ({ name: input.name, shape: shape(input.dims) })),
    hypers: signature.hypers,
    labels: signature.labels,
    features,
    spec_sha256: signature.specHash,
    producer: `mcfnc ${version}`,
  }
}

/** Throws an internal Error where a description is not what its schema says: what is written can be relied on. */
export async function checkDescription(description: object): Promise<void> {
  const schema = JSON.parse(readFileSync(shippedFile('schemas/tfjs-module.schema.json'), 'utf8')) as object
  const { Ajv } = await import('ajv')
  const validate = new Ajv({ allErrors: true, strict: false }).compile(schema)
  if (validate(description)) return
  const problems = (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  throw new Error(`internal error in engines/tfjs: the description breaks its schema: ${problems.join('; ')}`)
}
