/** The catalogue's 29xx rows: files and `use`. */
import { error, type Label } from '../diagnostic.ts'

export const sources = {
  missingFile: error<{ read: string; suggestion: string | undefined; library: boolean }>(
    'MCF2901',
    'missing-file',
    (p) => ({
      message: `there is no file \`${p.read}\` that can be read`,
      caption: 'not found',
      notes: p.library
        ? ['paths that begin with `std/` are the shipped library']
        : ['a path is relative to the file that uses it, and `.model` is added'],
      help: p.suggestion === undefined ? [] : [`did you mean \`use "${p.suggestion}"\`?`],
    }),
  ),
  missingEntry: error<{ path: string }>('MCF2902', 'missing-entry', (p) => ({
    message: `the file \`${p.path}\` cannot be read`,
    help: ['give the path of a .model file'],
  })),
  importCycle: error<{ cycle: readonly string[]; labels: readonly Label[] }>('MCF2903', 'import-cycle', (p) => ({
    message: p.cycle.length === 2 ? 'this file uses itself' : 'these files use each other in a circle',
    caption: 'this closes the circle',
    labels: p.labels,
    notes: [p.cycle.map((path) => `\`${path}\``).join(' -> ')],
    help: ['move what both need to a file that both use'],
  })),
  badPath: error<{ path: string; reason: string }>('MCF2904', 'bad-path', (p) => ({
    message: `\`${p.path}\` cannot be used: ${p.reason}`,
    help: ['write a path such as `"blocks"`, `"../common/blocks"` or `"std/blocks"`, with `/` on every system'],
  })),
  tooManyFiles: error<{ limit: number }>('MCF2905', 'too-many-files', (p) => ({
    message: `more than ${p.limit} files use each other`,
    caption: 'this one is too much',
    help: ['put several of them in one file'],
  })),
  tooLarge: error<{ path: string; limit: number }>('MCF2906', 'file-too-large', (p) => ({
    message: `the file \`${p.path}\` is longer than ${p.limit} characters`,
    help: ['is this a .model file?'],
  })),
  notText: error<{ path: string; line: number | undefined }>('MCF2907', 'not-text', (p) => ({
    message: `the file \`${p.path}\` is not text in UTF-8`,
    notes: p.line === undefined ? [] : [`line ${p.line} holds bytes that are no character`],
    help: [p.line === undefined ? 'is this a .model file?' : 'is this a .model file? If so, save it as UTF-8'],
  })),
}
