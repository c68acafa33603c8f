/** From what a person asks for to an engine. */
import { backendUnknown } from '../../compiler/diagnostics/catalogue/engines.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import type { Engine } from './engine.ts'
import { type Provider, providers } from './ort/providers.ts'
import { ortEngine } from './ort/trainer.ts'
import { type BackendName, backendNames, openBackend, openBestBackend } from './tfjs/backends.ts'
import { tfjsEngine } from './tfjs/trainer.ts'

export type EngineName = 'onnxruntime' | 'tfjs'

export interface EngineChoice {
  readonly name: EngineName
  /** A provider of ONNX Runtime, a backend of tfjs, or `auto`. */
  readonly backend?: string | undefined
  readonly threads: number
}

export interface ChosenEngine {
  readonly engine: Engine
  /** What was taken and why, where it was left open. */
  readonly why?: string
}

/** The backends of each engine, `auto` among them. */
export const backendsOf: Readonly<Record<EngineName, readonly string[]>> = {
  onnxruntime: ['auto', ...providers],
  tfjs: ['auto', ...backendNames],
}

/** Throws a DiagnosticError where the engine has no such backend. */
export function checkBackend({ name, backend = 'auto' }: Pick<EngineChoice, 'name' | 'backend'>): void {
  if (!backendsOf[name].includes(backend))
    throw new DiagnosticError([diagnose(backendUnknown, undefined, { engine: name, backend, known: backendsOf[name] })])
}

/** Throws a DiagnosticError where the backend is unknown, absent or does not start. */
export async function openEngine(choice: EngineChoice): Promise<ChosenEngine> {
  checkBackend(choice)
  const { name, backend = 'auto', threads } = choice
  if (name === 'onnxruntime') {
    const provider = backend === 'auto' ? 'cpu' : (backend as Provider)
    return { engine: await ortEngine({ threads, provider }) }
  }
  if (backend !== 'auto') return { engine: tfjsEngine(await openBackend(backend as BackendName)) }
  const { backend: best, why } = await openBestBackend()
  return { engine: tfjsEngine(best), why: `tfjs takes \`${best.name}\`: ${why}` }
}
