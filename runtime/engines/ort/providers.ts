/** ONNX Runtime's providers: where it computes, and why one is not to be had. */
import * as messages from '../../../compiler/diagnostics/catalogue/engines.ts'
import { type Diagnostic, diagnose } from '../../../compiler/diagnostics/diagnostic.ts'

/** Where ONNX Runtime computes; an operator that a provider lacks is computed on the CPU. */
export type Provider = 'cpu' | 'webgpu' | 'cuda'

export const providers: readonly Provider[] = ['cpu', 'webgpu', 'cuda']

/** Why no session opened. `loadsOnCpu` says whether the model loads there, so that the provider is at fault. */
export async function explainRefusal(
  why: string,
  provider: Provider,
  loadsOnCpu: () => Promise<boolean>,
): Promise<Diagnostic> {
  if (/failed to get a webgpu adapter/i.test(why))
    return diagnose(messages.noAdapter, undefined, { engine: 'ONNX Runtime' })
  if (/failed to load shared library/i.test(why)) return explainAbsence(provider)
  if (provider !== 'cpu' && (await loadsOnCpu()))
    return diagnose(messages.providerFails, undefined, { provider, why: why.trim().split('\n')[0] ?? '' })
  return diagnose(messages.engineRefuses, undefined, { why })
}

/** The provider's libraries are not there, or not those that they need. */
export function explainAbsence(provider: Provider): Diagnostic {
  const platform = `${process.platform}-${process.arch}`
  const install = provider === 'cuda' && platform === 'linux-x64' ? installCuda : undefined
  const params = { provider, platform, ...(install === undefined ? {} : { install }) }
  return diagnose(messages.providerAbsent, undefined, params)
}

const installCuda =
  'node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12; it needs CUDA 12 and cuDNN 9'
