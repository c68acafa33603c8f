import { expect, test } from 'vitest'
import type { OnnxNode } from '../../../compiler/emit/onnx/model.ts'
import { orderNodes } from '../../../compiler/emit/onnx/order.ts'

const node = (name: string, inputs: readonly string[], type = 'Add'): OnnxNode => ({
  name,
  type,
  inputs,
  outputs: [name],
  attributes: {},
})
const names = (nodes: readonly OnnxNode[]): string[] => nodes.map(({ name }) => name)

test('of two inputs the one that takes longer stands last', () => {
  const long = [node('a', ['x']), node('b', ['a']), node('short', ['x']), node('end', ['b', 'short'])]
  expect(names(orderNodes(long))).toEqual(['a', 'short', 'b', 'end'])
})

test('what a Concat joins stands the other way round, each part after what it is made of', () => {
  const nodes = [
    node('early', ['x']),
    node('piece', ['early']),
    node('a', ['x']),
    node('b', ['a', 'early']),
    node('c', ['b', 'a']),
    node('late', ['c', 'b']),
    node('join', ['piece', 'late'], 'Concat'),
  ]
  const order = names(orderNodes(nodes))
  expect(order.indexOf('late')).toBeLessThan(order.indexOf('piece'))
  for (const { name, inputs } of nodes)
    for (const input of inputs.filter((at) => order.includes(at)))
      expect(order.indexOf(input)).toBeLessThan(order.indexOf(name))
})

test('the same nodes come in the same order', () => {
  const nodes = [node('p', ['x']), node('q', ['x']), node('r', ['p', 'q'])]
  expect(names(orderNodes(nodes))).toEqual(['p', 'q', 'r'])
})
