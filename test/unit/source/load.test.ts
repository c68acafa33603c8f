/** Loading: what a `use` means, each file once, circles and missing files. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadSources, maxFiles, maxLength } from '../../../compiler/source/load.ts'
import { makeNodeReader, packageRoot } from '../../../compiler/source/node-reader.ts'
import { entryKey, libraryFiles, resolveUse } from '../../../compiler/source/paths.ts'

function load(files: Record<string, string>, entry = 'specs/a.model') {
  const read: string[] = []
  const loaded = loadSources(entry, (path) => {
    read.push(path)
    return files[path]
  })
  const uses = [...loaded.uses].map(([use, file]) => `${use.path.value} -> ${file.path}`)
  const codes = loaded.diagnostics.map((d) => d.code)
  return { ...loaded, read, uses, codes, order: loaded.order.map((file) => file.path) }
}

describe('paths', () => {
  it.each([
    ['b', 'specs/a.model', 'specs/b.model'],
    ['b.model', 'specs/a.model', 'specs/b.model'],
    ['../b', 'specs/a.model', 'b.model'],
    ['../../b', 'specs/a.model', '../b.model'],
    ['./x/./y/../b', 'a.model', 'x/b.model'],
    ['b', '/home/a.model', '/home/b.model'],
    ['std/blocks', 'specs/a.model', 'std/blocks.model'],
    ['./std/blocks', 'specs/a.model', 'specs/std/blocks.model'],
    ['./std/blocks', 'a.model', './std/blocks.model'],
    ['blocks', 'std/audio.model', 'std/blocks.model'],
    ['blocks', './std/audio.model', './std/blocks.model'],
  ])('%s in %s', (written, from, path) => {
    expect(resolveUse(written, from)).toMatchObject({ kind: 'path', path })
  })
  it.each(['', '/etc/x', 'a\\b', 'file:///x', 'C:/x', 'x/', 'a\0b', 'std/../x'])('%j is refused', (written) => {
    expect(resolveUse(written, 'specs/a.model').kind).toBe('bad')
  })
  it('a library file stays in the library', () => {
    expect(resolveUse('../secret', 'std/blocks.model').kind).toBe('bad')
  })
  it('the library has the files that are told of', () => {
    const shipped = readdirSync(join(packageRoot(), 'specs/std')).map((file) => `std/${file.replace(/\.model$/, '')}`)
    expect([...libraryFiles].sort()).toEqual(shipped.sort())
  })
  it('the entry is not the library', () => {
    expect(entryKey('std/a.model')).toBe('./std/a.model')
    expect(entryKey('./specs/../specs/a.model')).toBe('specs/a.model')
  })
})

describe('loading', () => {
  it('reads each file once, what is used before what uses it', () => {
    const { order, read, uses, codes } = load({
      'specs/a.model': 'use "b"\nuse "std/x"\nuse "c"\nconst k = 1',
      'specs/b.model': 'use "c"\nuse "std/x"',
      'specs/c.model': 'use "../specs/d"',
      'specs/d.model': '',
      'std/x.model': 'use "y"',
      'std/y.model': '',
    })
    expect(codes).toEqual([])
    expect(order).toEqual([
      'specs/d.model',
      'specs/c.model',
      'std/y.model',
      'std/x.model',
      'specs/b.model',
      'specs/a.model',
    ])
    expect([...read].sort()).toEqual([...order].sort())
    expect(uses).toEqual([
      'b -> specs/b.model',
      'c -> specs/c.model',
      '../specs/d -> specs/d.model',
      'std/x -> std/x.model',
      'y -> std/y.model',
      'std/x -> std/x.model',
      'c -> specs/c.model',
    ])
  })
  it('keeps the texts, and the syntax errors of every file', () => {
    const { texts, diagnostics, entry } = load({
      'specs/a.model': 'use "b"\nconst a = *',
      'specs/b.model': 'const b = )',
    })
    expect([...texts.keys()]).toEqual(['specs/a.model', 'specs/b.model'])
    expect(diagnostics.map((d) => `${d.span?.file} ${d.code}`)).toEqual([
      'specs/a.model MCF1001',
      'specs/b.model MCF1006',
    ])
    expect(entry?.path).toBe('specs/a.model')
  })
  it('reports a missing file where it is used, and goes on', () => {
    const { diagnostics, order } = load({
      'specs/a.model': 'use "gone"\nuse "blocks"\nuse "std/gone"',
      'std/blocks.model': '',
    })
    expect(diagnostics.map((d) => d.code)).toEqual(['MCF2901', 'MCF2901', 'MCF2901'])
    expect(diagnostics.map((d) => d.help)).toEqual([[], ['did you mean `use "std/blocks"`?'], []])
    expect(diagnostics[0]?.message).toContain('specs/gone.model')
    expect(order).toEqual(['specs/a.model'])
  })
  it('reports a missing entry', () => {
    const { entry, codes, order } = load({})
    expect({ entry, codes, order }).toEqual({ entry: undefined, codes: ['MCF2902'], order: [] })
  })
  it('shows a circle, and ends', () => {
    const { diagnostics, order, uses } = load({
      'specs/a.model': 'use "b"',
      'specs/b.model': 'use "c"',
      'specs/c.model': 'use "d"\nuse "b"',
      'specs/d.model': '',
    })
    expect(order).toEqual(['specs/d.model', 'specs/c.model', 'specs/b.model', 'specs/a.model'])
    expect(diagnostics.map((d) => [d.code, d.span?.file, d.notes])).toEqual([
      ['MCF2903', 'specs/c.model', ['`specs/b.model` -> `specs/c.model` -> `specs/b.model`']],
    ])
    expect(diagnostics[0]?.labels.map((label) => label.span.file)).toEqual(['specs/b.model'])
    expect(uses).not.toContain('b -> specs/b.model (again)')
    expect(uses).toHaveLength(3)
  })
  it('a file that uses itself is a circle of one', () => {
    expect(load({ 'specs/a.model': 'use "a"' }).diagnostics[0]?.message).toBe('this file uses itself')
  })
  it('ends on a chain without an end', () => {
    const { diagnostics, files } = loadSources('0.model', (path) => {
      const n = Number.parseInt(path, 10)
      return `use "${n + 1}"\nuse "${n + 2}"`
    })
    expect(files.size).toBe(maxFiles)
    expect(diagnostics.map((d) => d.code)).toEqual(['MCF2905'])
  })
  it('refuses what is too long to be a spec', () => {
    const huge = ' '.repeat(maxLength + 1)
    expect(load({ 'specs/a.model': huge }).codes).toEqual(['MCF2906'])
    expect(load({ 'specs/a.model': 'use "b"', 'specs/b.model': huge }).codes).toEqual(['MCF2906'])
  })
  it.each([
    ['\b\x08\0\x1b', [], 'is this a .model file?'],
    [
      'const a = 1\n// caf\ufffd',
      ['line 2 holds bytes that are no character'],
      'is this a .model file? If so, save it as UTF-8',
    ],
  ])('refuses what is not text, with one error: %j', (text, notes, help) => {
    const [d, ...others] = load({ 'specs/a.model': text }).diagnostics
    expect(d).toMatchObject({ code: 'MCF2907', notes, help: [help] })
    expect(others).toEqual([])
    const used = load({ 'specs/a.model': 'use "b"', 'specs/b.model': text })
    expect(used.diagnostics).toMatchObject([{ code: 'MCF2907', span: { file: 'specs/a.model' } }])
  })
})

describe('under Node', () => {
  it('finds the package, and reads files and not folders', () => {
    const root = packageRoot()
    const read = makeNodeReader(root)
    expect(read('package.json')).toContain('"name": "mcfnc"')
    expect(read('specs')).toBeUndefined()
    expect(read('no/such.model')).toBeUndefined()
    expect(read(`${root}/package.json`)).toBe(read('package.json'))
  })
  it('reads the library wherever it is started', () => {
    const read = makeNodeReader('/', '/nowhere')
    expect(read('std/blocks.model')).toBeUndefined()
  })
})
