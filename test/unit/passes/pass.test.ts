import { expect, test } from 'vitest'
import { createBuilder } from '../../../compiler/ir/builder.ts'
import type { Graph } from '../../../compiler/ir/graph.ts'
import { verifyGraph } from '../../../compiler/ir/verify.ts'
import { type Pass, PassError, runPasses } from '../../../compiler/passes/pass.ts'

const b = createBuilder()
const graph: Graph = b.finish({
  name: 'g',
  outputs: [{ name: 'y', value: b.input('x', 'data', { dtype: 'f32', dims: [] }), role: 'output' }],
})
const rename = (name: string): Pass => ({
  name,
  description: '',
  run: (old) => ({ ...old, name: `${old.name}.${name}` }),
})

test('passes run in order, each seen as it is done', () => {
  const seen: string[] = []
  const result = runPasses(graph, [rename('a'), rename('b')], {
    onAfter: (pass, after) => seen.push(`${pass.name}: ${after.name}`),
  })
  expect(result.name).toBe('g.a.b')
  expect(seen).toEqual(['a: g.a', 'b: g.a.b'])
  expect(graph.name).toBe('g')
})

test('the pass that leaves an ill-formed graph is named', () => {
  const drop: Pass = { name: 'drop', description: '', run: (old) => ({ ...old, nodes: [] }) }
  const run = () => runPasses(graph, [rename('a'), drop, rename('b')], { verify: verifyGraph })
  expect(run).toThrow(PassError)
  expect(run).toThrow(/^pass drop: the output y is %0, which is not defined$/)
  expect(() => runPasses(graph, [rename('a'), drop])).not.toThrow()
})

test('the pass that fails is named, with what it threw as the cause', () => {
  const fail: Pass = {
    name: 'fail',
    description: '',
    run: () => {
      throw new RangeError('too deep')
    },
  }
  try {
    runPasses(graph, [fail, rename('b')])
    expect.fail('nothing was thrown')
  } catch (error) {
    expect(error).toBeInstanceOf(PassError)
    expect(error).toMatchObject({ pass: 'fail', message: 'pass fail: too deep', cause: new RangeError('too deep') })
  }
})
