/** Where a build is put: names, and what it may not replace. */
import { stat } from 'node:fs/promises'
import { outputRefused } from '../compiler/diagnostics/catalogue/commands.ts'
import { diagnose } from '../compiler/diagnostics/diagnostic.ts'
import { CallError } from './failure.ts'

/** A file's name without its ending, for a model: `mcfn`. */
export const fileName = (model: string): string => model.toLowerCase().replace(/[^a-z0-9]+/g, '-')

/** Throws a CallError where a file would replace one that is read, or be taken for one. */
export async function refuseOutput(path: string, specs: readonly string[], weights: string | undefined): Promise<void> {
  await refuseReplacing(path, specs, weights)
  if (/\.(model|safetensors)$/i.test(path)) throw refused(path, 'name')
}

/** Throws a CallError where a file would replace one that is read. */
export async function refuseReplacing(
  path: string,
  specs: readonly string[],
  weights: string | undefined,
): Promise<void> {
  for (const spec of specs) if (await isSameFile(path, spec)) throw refused(path, 'spec')
  if (weights !== undefined && (await isSameFile(path, weights))) throw refused(path, 'weights')
}

const refused = (path: string, because: 'spec' | 'weights' | 'name'): CallError =>
  new CallError([diagnose(outputRefused, undefined, { path, because })])

/** Whether two paths lead to one file, through links and whatever a file system takes for the same name. */
async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)))
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino
}
