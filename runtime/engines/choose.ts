/** From what a person asks for to an engine. */
import { backendUnknown } from '../../compiler/diagnostics/catalogue/engines.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import type { Engine } from './engine.ts'
import { type Provider, providers } from './ort/providers.ts'
import { ortEngine } from './ort/trainer.ts'
import { type BackendName, backendNames, openBackend, openBestBackend } from './tfjs/backends.ts'
import { tfjsEngine } from './tfjs/trainer.ts'

export type EngineName = 'onnxruntime' | 'tfjs'

export interface EngineChoice {
  readonly name: EngineName
  /** A provider of ONNX Runtime, `cpu` unless given; or a backend of tfjs, `auto` unless given. */
  readonly backend?: string | undefined
  readonly threads: number
}

export interface ChosenEngine {
  readonly engine: Engine
  /** What was taken and why, where it was left open. */
  readonly why?: string
}

/** The backends of each engine; `auto` is the best that the machine has. */
export const backendsOf: Readonly<Record<EngineName, readonly string[]>> = {
  onnxruntime: providers,
  tfjs: ['auto', ...backendNames],
}

/** What is wrong where the engine has no such backend. */
export function findBackendFault({ name, backend }: Pick<EngineChoice, 'name' | 'backend'>): Diagnostic | undefined {
  const known = backendsOf[name]
  if (backend === undefined || known.includes(backend)) return undefined
  const elsewhere = Object.entries(backendsOf).find(([, backends]) => backends.includes(backend))?.[0]
  return diagnose(backendUnknown, undefined, { engine: name, backend, known, elsewhere })
}

/** Throws a DiagnosticError where the backend is unknown, absent or does not start. */
export async function openEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const fault = findBackendFault(choice)
  if (fault) throw new DiagnosticError([fault])
  const { name, threads } = choice
  if (name === 'onnxruntime')
    return { engine: await ortEngine({ threads, provider: (choice.backend ?? 'cpu') as Provider }) }
  const backend = choice.backend ?? 'auto'
  if (backend !== 'auto') return { engine: tfjsEngine(await openBackend(backend as BackendName)) }
  const { backend: best, why } = await openBestBackend()
  return { engine: tfjsEngine(best), why: `tfjs takes \`${best.name}\`: ${why}` }
}
