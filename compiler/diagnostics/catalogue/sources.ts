/** The catalogue's 29xx rows: files and `use`. */
import { error } from '../diagnostic.ts'

export const sources = {
  missingFile: error<{ path: string; read: string; suggestion: string | undefined; standard: boolean }>(
    'MCF2901',
    'missing-file',
    (p) => ({
      message: `there is no file \`${p.read}\``,
      caption: 'not found',
      notes: p.standard
        ? ['paths that begin with `std/` are the shipped library']
        : ['a path is relative to the file that uses it; `.model` is added'],
      help: p.suggestion === undefined ? [] : [`did you mean \`${p.suggestion}\`?`],
    }),
  ),
  missingEntry: error<{ path: string }>('MCF2902', 'missing-entry', (p) => ({
    message: `the file \`${p.path}\` cannot be read`,
    help: ['give the path of a .model file'],
  })),
  importCycle: error<{ cycle: readonly string[] }>('MCF2903', 'import-cycle', (p) => ({
    message: 'these files use each other in a circle',
    caption: 'this closes it',
    notes: [p.cycle.map((path) => `\`${path}\``).join(' -> ')],
    help: ['move what both need to a file that both use'],
  })),
  badPath: error<{ path: string; reason: string }>('MCF2904', 'bad-path', (p) => ({
    message: `\`${p.path}\` is not a path that can be used: ${p.reason}`,
    help: ['write a path such as `"blocks"`, `"../common/blocks"` or `"std/blocks"`, with `/` on every system'],
  })),
  tooManyFiles: error<{ limit: number }>('MCF2905', 'too-many-files', (p) => ({
    message: `more than ${p.limit} files use each other`,
    caption: 'this one is too much',
  })),
}
