/** Lowers an elaborated model to a graph: of its predictions and outputs, or of its losses and updates. */
import { type Core, type Def, eachChild, isLeaf } from '../check/core.ts'
import type { Elaborated, Root } from '../check/model.ts'
import { createBuilder } from '../ir/builder.ts'
import type { Graph, GraphOutput } from '../ir/graph.ts'
import { batchDim } from '../shapes/dim.ts'
import { noFacts } from '../shapes/facts.ts'
import { createLowering, type Lowering, lower, lowerDef } from './lower.ts'
import { spread } from './terms.ts'

/**
 * What a graph is for: its predictions and outputs; its losses and their weighted total; or predictions, losses and the
 * state updates, to be trained by.
 */
export type Purpose = 'inference' | 'evaluation' | 'training'

/**
 * The graph of a model, ragged: no mask is in it. `read` are the paths of states that the other graphs read; a state that
 * none reads is not updated, so that what a variant cut off is gone, inputs and all.
 */
export function lowerModel(model: Elaborated, purpose: Purpose, read: ReadonlySet<string> = new Set()): Graph {
  const b = createBuilder()
  const low = createLowering(b, noFacts)
  const outputs: GraphOutput[] = []
  // In the order in which they were made, so that none has to wait for a chain of others.
  for (const def of reachable(model, purpose)) lowerDef(low, def)
  const root = (item: Root): number => {
    const inner: Lowering = { ...low, b: b.in({ label: item.name, span: item.span }) }
    return spread(inner.b, lower(inner, item.body), item.axes)
  }
  if (purpose !== 'evaluation')
    for (const item of model.predictions) outputs.push({ name: item.name, value: root(item), role: 'prediction' })
  if (purpose === 'inference')
    for (const item of model.outputs) outputs.push({ name: item.name, value: root(item), role: 'output' })
  else {
    let total: number | undefined
    for (const item of model.losses) {
      const each = root(item)
      const mean = item.perSample ? batchMean(low, each) : each
      outputs.push({ name: item.name, value: mean, role: 'loss' })
      const weighted = b.mul(mean, b.constant(item.weight))
      total = total === undefined ? weighted : b.add(total, weighted)
    }
    if (total !== undefined) outputs.push({ name: 'total', value: total, role: 'total' })
    const waiting = new Map(purpose === 'training' ? model.updates : [])
    // An update may read further states, which then need theirs.
    for (let found = true; found; ) {
      found = false
      for (const [def, update] of waiting) {
        if (def.body.kind !== 'state') continue
        const { path } = def.body
        if (!read.has(path) && !low.variables.has(path)) continue
        const inner: Lowering = { ...low, b: b.in({ scope: def.scope, label: def.label, span: def.span }) }
        outputs.push({ name: path, value: spread(inner.b, lower(inner, update), def.axes), role: 'update' })
        waiting.delete(def)
        found = true
      }
    }
  }
  const variables = [...low.variables.values()].sort((x, y) => (x.path < y.path ? -1 : 1))
  return b.finish({ name: model.name, outputs, seqs: model.seqs, variables, padded: false })
}

/** The inputs and states that a graph reads, by name and path, before it is made. */
export const leavesOf = (model: Elaborated, purpose: Purpose): string[] =>
  reachable(model, purpose).flatMap(({ body }) =>
    body.kind === 'input' ? [body.name] : body.kind === 'state' ? [body.path] : [],
  )

/** The definitions that the graph needs, each after those that it reads. */
function reachable(model: Elaborated, purpose: Purpose): Def[] {
  const found = new Set<Def>()
  const pending: Core[] = [...model.predictions, ...(purpose === 'inference' ? model.outputs : model.losses)].map(
    ({ body }) => body,
  )
  for (let core = pending.pop(); core; core = pending.pop()) {
    if (core.kind === 'read' && !found.has(core.def)) {
      found.add(core.def)
      if (!isLeaf(core.def.body)) pending.push(core.def.body)
    }
    eachChild(core, (child) => {
      pending.push(child)
    })
  }
  return [...found].sort((a, b) => a.id - b.id)
}

/** The mean over the samples of a batch. */
function batchMean({ b }: Lowering, perSample: number): number {
  return b.div(b.sum(perSample, [0], false), b.length(batchDim))
}
