/** Tests that safetensors files round-trip in the same bytes, and that broken ones are refused with a reason. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DiagnosticError } from '../../../compiler/diagnostics/diagnostic.ts'
import { writeFileAtomic } from '../../../runtime/formats/atomic.ts'
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from '../../../runtime/formats/safetensors.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-formats-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const f32 = (shape: number[], ...values: number[]): StoredTensor => ({
  dtype: 'F32',
  shape,
  values: Float32Array.from(values),
})
const i64 = (shape: number[], ...values: bigint[]): StoredTensor => ({
  dtype: 'I64',
  shape,
  values: BigInt64Array.from(values),
})
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('encodeSafetensors', () => {
  // What the reference implementation (Python `safetensors` 0.8.0) writes for the same tensors.
  const header =
    '{"__metadata__":{"spec":"x"},"step":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
    '"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[12,20]}}     '
  const reference = `c800000000000000${Buffer.from(header).toString('hex')}07000000000000000000003f0000803f000000c0`

  it('gives the bytes of the reference implementation', () => {
    const tensors = new Map([
      ['w', f32([1, 2], 1, -2)],
      ['step', i64([], 7n)],
      ['a', f32([1], 0.5)],
    ])
    expect(hex(encodeSafetensors({ tensors, metadata: { spec: 'x' } }))).toBe(reference)
  })
  it('does not depend on the order of insertion', () => {
    const entries: [string, StoredTensor][] = [
      ['b', f32([2], 1, 2)],
      ['a', i64([], 5n)],
      ['c', f32([], 3)],
    ]
    const one = encodeSafetensors({ tensors: new Map(entries), metadata: { y: '1', x: '2' } })
    const two = encodeSafetensors({ tensors: new Map(entries.reverse()), metadata: { x: '2', y: '1' } })
    expect(hex(one)).toBe(hex(two))
  })
  it('refuses a shape that does not hold the values', () => {
    expect(() => encodeSafetensors({ tensors: new Map([['w', f32([3], 1, 2)]]), metadata: {} })).toThrow(RangeError)
  })
})

it('round-trips any tensors, bit for bit', () => {
  const values = fc.oneof(
    fc.float32Array({ maxLength: 9 }).map((v): StoredTensor => ({ dtype: 'F32', shape: [v.length], values: v })),
    fc.bigInt64Array({ maxLength: 9 }).map((v): StoredTensor => ({ dtype: 'I64', shape: [1, v.length, 1], values: v })),
  )
  const names = fc.string({ unit: 'binary' }).filter((name) => name !== '__metadata__' && name !== '__proto__')
  fc.assert(
    fc.property(
      fc.dictionary(names, values),
      fc.dictionary(names, fc.string({ unit: 'binary' })),
      (tensors, metadata) => {
        const file = { tensors: new Map(Object.entries(tensors)), metadata }
        const back = decodeSafetensors(encodeSafetensors(file), 'x')
        expect(new Map(back.tensors)).toEqual(file.tensors)
        expect({ ...back.metadata }).toEqual({ ...metadata })
      },
    ),
  )
})

describe('decodeSafetensors', () => {
  const sound = encodeSafetensors({
    tensors: new Map([
      ['a', i64([1], 7n)],
      ['w', f32([2], 1, 2)],
    ]),
    metadata: { k: 'v' },
  })
  const file = (header: string, data = 8): Uint8Array => {
    const json = new TextEncoder().encode(header)
    const bytes = new Uint8Array(8 + json.length + data)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
    bytes.set(json, 8)
    return bytes
  }
  const entry = (begin: number, end: number, shape = '[2]', dtype = 'F32'): string =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`

  it('reads bytes that begin anywhere in their buffer', () => {
    const larger = new Uint8Array(sound.length + 1)
    larger.set(sound, 1)
    expect(decodeSafetensors(larger.subarray(1), 'x').tensors.get('a')?.values[0]).toBe(7n)
    expect(decodeSafetensors(Buffer.from(larger).subarray(1), 'x').tensors.get('w')?.values[1]).toBe(2)
  })
  it.each([
    ['nothing', new Uint8Array(3), 'needs at least 8'],
    ['a header longer than the file', file('{}').fill(255, 0, 8), 'header should have'],
    ['no JSON', file('{"w":'), 'not JSON'],
    ['not UTF-8', file('{"w"}').fill(255, 10, 11), 'not JSON in UTF-8'],
    ['an array', file('[1]'), 'not a JSON object'],
    ['an entry without a shape', file('{"w":{"dtype":"F32","data_offsets":[0,8]}}'), 'entry of `w`'],
    ['a negative shape', file(`{"w":${entry(0, 8, '[-2]')}}`), 'entry of `w`'],
    ['offsets the wrong way round', file(`{"w":${entry(8, 0)}}`), 'entry of `w`'],
    ['another dtype', file(`{"w":${entry(0, 8, '[4]', 'BF16')}}`), 'is BF16; F32 and I64 are read'],
    ['a shape that does not fill its bytes', file(`{"w":${entry(0, 8, '[3]')}}`), 'does not fill the 8 bytes'],
    ['data past the end', file(`{"w":${entry(0, 8)}}`, 4), 'cut short'],
    [
      'overlapping data',
      file(`{"v":${entry(0, 8)},"w":${entry(4, 12)}}`, 12),
      'should begin at byte 8 and begins at 4',
    ],
    ['a gap', file(`{"w":${entry(4, 12)}}`, 12), 'should begin at byte 0'],
    ['bytes of no tensor', file(`{"w":${entry(0, 8)}}`, 12), '4 bytes at its end'],
    ['metadata that is no text', file('{"__metadata__":{"a":1}}', 0), '`__metadata__`'],
  ])('refuses %s', (_, bytes, reason) => {
    expect(() => decodeSafetensors(bytes, 'run/w.safetensors')).toThrow(reason)
    expect(() => decodeSafetensors(bytes, 'run/w.safetensors')).toThrow(DiagnosticError)
    expect(() => decodeSafetensors(bytes, 'run/w.safetensors')).toThrow('run/w.safetensors')
  })
  it('refuses every shortened file', () => {
    for (let n = 0; n < sound.length; n++)
      expect(() => decodeSafetensors(sound.subarray(0, n), 'x')).toThrow(DiagnosticError)
  })
})

describe('files', () => {
  it('writes and reads', async () => {
    const path = join(folder, 'deep', 'er', 'w.safetensors')
    await writeSafetensors(path, { tensors: new Map([['w', f32([2], 1, 2)]]), metadata: {} })
    expect((await readSafetensors(path)).tensors.get('w')?.values).toEqual(Float32Array.of(1, 2))
    await expect(readSafetensors(join(folder, 'none'))).rejects.toThrow('there is no such file')
  })
  it('leaves nothing else behind, and the old file where it fails', async () => {
    const path = join(folder, 'only', 'a.txt')
    await writeFileAtomic(path, 'one')
    await writeFileAtomic(path, 'two')
    expect(await readdir(join(folder, 'only'))).toEqual(['a.txt'])
    expect(await readFile(path, 'utf8')).toBe('two')
    const blocked = join(folder, 'blocked')
    await writeFileAtomic(join(blocked, 'folder', 'x'), 'x')
    await expect(writeFileAtomic(join(blocked, 'folder'), 'y')).rejects.toThrow()
    expect(await readdir(blocked)).toEqual(['folder'])
    await writeFile(join(folder, 'plain'), '')
    await expect(writeFileAtomic(join(folder, 'plain', 'x'), 'y')).rejects.toThrow()
  })
})
