/** Paths of spec files: what a `use` in a file refers to. Pure text; `/` separates, on every system. */

/** Where the shipped library begins; the reader knows where it lies. */
export const libraryPrefix = 'std/'
/** What it has, as a `use` names it. */
export const libraryFiles: readonly string[] = ['std/blocks', 'std/audio']
const extension = '.model'

export type Resolution =
  | { readonly kind: 'path'; readonly path: string; readonly library: boolean }
  | { readonly kind: 'bad'; readonly reason: string }

/** Takes `.` and `..` out of a path as far as that goes. */
function normalise(path: string): string {
  const out: string[] = []
  for (const part of path.split('/')) {
    if (part === '.' || (part === '' && out.length > 0)) continue
    const last = out.at(-1)
    if (part === '..' && last !== undefined && last !== '..' && last !== '') out.pop()
    else out.push(part)
  }
  return out.join('/')
}

/** A path of the person's own that begins like the library's is told apart by a leading `./`. */
const own = (path: string): string => (path.startsWith(libraryPrefix) ? `./${path}` : path)

/** The key of the file that is compiled, given with `/`; `std/x.model` in the working directory is not the library's. */
export const entryKey = (path: string): string => own(normalise(path))

/** The key of the file that `use "written"` in the file with the key `from` means. */
export function resolveUse(written: string, from: string): Resolution {
  if (written === '') return { kind: 'bad', reason: 'it is empty' }
  if (/[\\\p{Cc}]/u.test(written)) return { kind: 'bad', reason: 'it holds a backslash or a control character' }
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(written)) return { kind: 'bad', reason: 'it is not a file of this folder' }
  if (written.startsWith('/')) return { kind: 'bad', reason: 'it is absolute' }
  if (written.endsWith('/')) return { kind: 'bad', reason: 'it is a folder' }
  const file = written.endsWith(extension) ? written : `${written}${extension}`
  const fromLibrary = from.startsWith(libraryPrefix)
  if (file.startsWith(libraryPrefix) || fromLibrary) {
    const folder = file.startsWith(libraryPrefix) ? '' : from.slice(0, from.lastIndexOf('/') + 1)
    const path = normalise(folder + file)
    if (!path.startsWith(libraryPrefix)) return { kind: 'bad', reason: 'it leaves the library' }
    return { kind: 'path', path, library: true }
  }
  return { kind: 'path', path: own(normalise(from.slice(0, from.lastIndexOf('/') + 1) + file)), library: false }
}
