/** Shape rules: what ops accept, and what they refuse and why. */
import { describe, expect, test } from 'vitest'
import type { TensorType } from '../../../compiler/ir/graph.ts'
import { erf } from '../../../compiler/ops/arithmetic.ts'
import type { Attributes, OpName } from '../../../compiler/ops/op.ts'
import { inferType } from '../../../compiler/ops/table.ts'
import { alignReshape, broadcastDims, formatType, sameDims } from '../../../compiler/ops/types.ts'
import { type Dim, formatDim, oneDim, parseDim } from '../../../compiler/shapes/dim.ts'

const dims = (text: string): Dim[] => (text === '' ? [] : text.split(',').map(parseDim))
const f = (text: string): TensorType => ({ dtype: 'f32', dims: dims(text) })
const i = (text: string): TensorType => ({ dtype: 'i64', dims: dims(text) })
const t = (text: string): TensorType => ({ dtype: 'bool', dims: dims(text) })
const shown = (type: TensorType | string): string => (typeof type === 'string' ? type : formatType(type))
const call = <K extends OpName>(op: K, operands: TensorType[], attributes: Attributes[K], own?: TensorType): string =>
  shown(inferType(op, operands, attributes, own))

test.each([
  ['', '', ''],
  ['3', '', '3'],
  ['2,1', '3', '2, 3'],
  ['batch,1,2', 'batch,frames,1', 'batch, frames, 2'],
  ['batch,words,1', 'batch,1,frames', 'batch, words, frames'],
  ['3', '4', 'axis 0 is 3 in one operand and 4 in another'],
  ['batch,frames', 'batch,words', 'axis 1 is frames in one operand and words in another'],
  ['batch,1,frames', '1,batch,frames', 'axis 2 (frames) belongs to different batch axes'],
])('[%s] with [%s] gives [%s]', (x, y, expected) => {
  const both = broadcastDims([dims(x), dims(y)])
  expect(typeof both === 'string' ? both : both.map(formatDim).join(', ')).toBe(expected)
})

test.each([
  ['2,3,4', '6,4', '01>0 2>1'],
  ['batch,frames,4', 'batch,4 * frames', '0>0 12>1'],
  ['batch,1,4 * frames', '1,batch,frames,2,2', '0>1 2>234'],
  ['batch,frames,4', 'batch,2 * frames,2', '0>0 12>12'],
  ['batch,frames + 1,2', 'batch,2 * frames + 2', '0>0 12>1'],
  ['', '1,1', ''],
  ['batch,4', '4 * batch', 'the batch axis cannot merge with others'],
  ['batch,4,frames', 'batch,4 * frames', '4 cannot become 4 * frames'],
  ['batch,frames', 'batch,words', 'frames cannot become words'],
  ['6', '4', '6 cannot become 4'],
  ['6', '6,2', 'the number of elements differs'],
])('[%s] reshaped to [%s] joins %s', (from, to, expected) => {
  const groups = alignReshape(dims(from), dims(to))
  const text = typeof groups === 'string' ? groups : groups.map((g) => `${g.from.join('')}>${g.to.join('')}`).join(' ')
  expect(text).toBe(expected)
})

describe('refusals', () => {
  test.each([
    [
      'a ragged axis without a batch axis',
      call('input', [], { name: 'x', role: 'data' }, f('frames,3')),
      'axis 0 (frames) has no batch axis on its left',
    ],
    ['an input without a type', call('input', [], { name: 'x', role: 'data' }), 'an input must state its type'],
    [
      'a constant of the wrong length',
      call('constant', [], { value: [1, 2] }, f('3')),
      '2 numbers do not fill the shape',
    ],
    ['a mask of a static dim', call('valid', [], { dim: oneDim }), 'the dim is not ragged'],
    ['the wrong number of operands', call('add', [f('3')], {}), 'it takes 2 operands, not 1'],
    ['mixed element types', call('add', [f('3'), i('3')], {}), 'operands have different element types'],
    ['division of whole numbers', call('div', [i('3'), i('3')], {}), 'operands must be f32'],
    ['logic of numbers', call('and', [f('3'), f('3')], {}), 'operands must be bool'],
    ['selection by numbers', call('select', [f('3'), f('3'), f('3')], {}), 'the condition must be bool'],
    ['sides of two kinds', call('select', [t('3'), f('3'), i('3')], {}), 'the sides have different element types'],
    ['a cast to bool', call('cast', [f('3')], { to: 'bool' }), 'compare to get a bool'],
    ['half a permutation', call('transpose', [f('2,3')], { permutation: [0] }), 'the permutation has the wrong length'],
    ['an axis twice', call('transpose', [f('2,3')], { permutation: [0, 0] }), 'an axis is named twice'],
    [
      'a length before its batch',
      call('transpose', [f('batch,frames')], { permutation: [1, 0] }),
      'a ragged axis would leave its batch axis',
    ],
    [
      'a length under another batch',
      call('transpose', [f('batch,batch,frames')], { permutation: [1, 0, 2] }),
      'a ragged axis would leave its batch axis',
    ],
    ['a broadcast that shrinks', call('broadcast', [f('3')], { dims: dims('1') }), 'an axis would shrink to 1'],
    [
      'joining lengths',
      call('concat', [f('batch,frames'), f('batch,frames')], { axis: 1 }),
      'the joined axis must be static, and is frames',
    ],
    ['joining other axes', call('concat', [f('2,3'), f('2,4')], { axis: 0 }), 'axis 1 differs between the operands'],
    ['joining nothing', call('concat', [], { axis: 0 }), 'there is nothing to join'],
    [
      'stride and dilation',
      call('window', [f('9')], { axis: 0, offset: oneDim, stride: 2, dilation: 2, dim: oneDim }),
      'one of stride and dilation must be 1',
    ],
    [
      'half a stride',
      call('window', [f('9')], { axis: 0, offset: oneDim, stride: 0.5, dilation: 1, dim: oneDim }),
      'stride and dilation must be positive whole numbers',
    ],
    [
      'a window over samples',
      call('window', [f('batch')], { axis: 0, offset: oneDim, stride: 1, dilation: 1, dim: oneDim }),
      'the axis may not be the batch axis',
    ],
    [
      'an offset of no sample',
      call('window', [f('9')], { axis: 0, offset: parseDim('frames'), stride: 1, dilation: 1, dim: oneDim }),
      'the offset depends on lengths, and there is no batch axis',
    ],
    ['ids that are not whole', call('gather', [f('5,2'), f('3')], { batchAxes: 0 }), 'ids must be i64'],
    [
      'ids of other samples',
      call('gather', [f('batch,5'), i('3,4')], { batchAxes: 1 }),
      'shared axis 0 differs between the operands',
    ],
    [
      'slices that move to other samples',
      call('gather', [f('batch,4,frames'), i('batch,batch')], { batchAxes: 1 }),
      'a ragged axis would change its batch axis',
    ],
    ['an axis that is not there', call('sum', [f('2,3')], { axes: [2], keep: false }), 'there is no axis 2'],
    [
      'a batch axis whose lengths stay',
      call('sum', [f('batch,frames')], { axes: [0], keep: true }),
      'axis 1 (frames) would lose its batch axis',
    ],
    [
      'a softmax over samples of lengths',
      call('softmax', [f('batch,frames')], { axis: 0 }),
      'the batch axis of a ragged axis cannot be normalised over',
    ],
    [
      'labels of two sizes',
      call('contract', [f('2,3'), f('4,5')], { left: [0, 1], right: [1, 2], out: [0, 2] }),
      'label 1 is 3 and 4',
    ],
    [
      'a lone label',
      call('contract', [f('2,3'), f('3,4')], { left: [0, 1], right: [1, 2], out: [0] }),
      'label 2 is in one operand only and not in the result',
    ],
    [
      'a diagonal',
      call('contract', [f('3,3'), f('3')], { left: [0, 0], right: [0], out: [] }),
      'a label stands twice in one operand',
    ],
    [
      'an unknown label',
      call('contract', [f('3'), f('3')], { left: [0], right: [0], out: [1] }),
      'label 1 of the result is in no operand',
    ],
    [
      'a result that stutters',
      call('contract', [f('3'), f('3')], { left: [0], right: [0], out: [0, 0] }),
      'a label stands twice in the result',
    ],
    [
      'too few labels',
      call('contract', [f('2,3'), f('3')], { left: [0], right: [0], out: [0] }),
      'operand 0 has 2 axes and 1 labels',
    ],
    [
      'lengths of different samples',
      call('contract', [f('batch,frames'), f('batch,frames')], { left: [0, 1], right: [2, 1], out: [0, 2] }),
      'label 1 belongs to different batch axes',
    ],
    [
      'lengths that lose their sample',
      call('contract', [f('batch,frames'), f('batch')], { left: [0, 1], right: [0], out: [1] }),
      'axis 0 of the result (frames) would lose its batch axis',
    ],
  ])('%s', (_, found, expected) => expect(found).toBe(expected))
})

test('types print as a person writes them', () =>
  expect(formatType(f('batch,2 * frames + 1,3'))).toBe('f32[batch, 2 * frames + 1, 3]'))
test('dims are the same where their normal forms are', () =>
  expect(sameDims(dims('2 * frames + 1'), dims('1 + frames * 2'))).toBe(true))

test.each([
  // CPython's math.erf.
  [0, 0],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [2.4999, 0.9995928300996666],
  [2.5, 0.999593047982555],
  [5, 0.9999999999984626],
  [3, 0.9999779095030014],
  [-1, -0.8427007929497149],
])('erf(%d) is %d', (x, value) => expect(Math.abs(erf(x) - value)).toBeLessThan(4e-15))
