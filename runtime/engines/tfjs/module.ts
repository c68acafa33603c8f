/** An emitted module at run time: what its declarations say, for models of any shape. */
import { runInThisContext } from 'node:vm'
import type * as Tfjs from '@tensorflow/tfjs-core'

/** @tensorflow/tfjs-core, or a package that brings it. */
export type Tf = typeof Tfjs
type Tensor = Tfjs.Tensor

/** The weights and the optimiser's vectors, which a step replaces. */
export interface ModuleState {
  step: number
  params: Tensor
  states?: Tensor
  [slot: string]: unknown
}

/** Tensors by name; lengths are plain numbers. */
export type ModuleBatch = Record<string, Tensor | number[]>

export interface ModuleStepOptions {
  readonly learningRate: number
  readonly learningRateScale?: number | Tensor
  readonly weightDecay?: number | Tensor
  readonly clipNorm?: number
  readonly seed?: number
}

export interface ModuleStepResult {
  readonly loss: Tensor
  readonly losses: Readonly<Record<string, Tensor>>
  readonly gradientNorm: Tensor
  readonly predictions: Readonly<Record<string, Tensor>>
}

export interface EmittedModule {
  load(tf: Tf, weights: ArrayBuffer | Uint8Array): ModuleState
  forward(state: ModuleState, batch: ModuleBatch): Record<string, Tensor>
  loss(state: ModuleState, batch: ModuleBatch): Record<string, Tensor>
  trainStep(state: ModuleState, batch: ModuleBatch, options: ModuleStepOptions): ModuleStepResult
  save(state: ModuleState): Promise<Uint8Array>
  dispose(state: ModuleState): void
}

/**
 * Runs the text of a module that imports nothing; it needs no place on the disk. `name` stands for it in stack traces.
 */
export function evaluateModule<T = EmittedModule>(text: string, name: string): T {
  const exported = [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map(([, one]) => one)
  const body = text.replaceAll(/^export /gm, '')
  return runInThisContext(`(() => {${body}\nreturn { ${exported.join(', ')} }\n})()`, { filename: name }) as T
}
