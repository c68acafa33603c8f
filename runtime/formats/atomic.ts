/** Writes files so that a reader, or a run that resumes, finds the old file or the whole new one, never a part. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Writes a file under a temporary name in the same folder (made if it is not there), syncs it and renames it over `path`.
 * With `sync` false the disk may write later, which is much faster: for what carries its own checksum. On failure the temporary file is removed and `path` is as it was. Throws the file system's error.
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string, { sync = true } = {}): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.part`)
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(content)
      if (sync) await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (failure) {
    await rm(temporary, { force: true })
    throw failure
  }
  if (sync) await syncFolder(folder)
}

/**
 * Writes files into a folder by name; names may have folders in them. A folder that is not there appears with all of them at
 * once; in one that is, each file is replaced in one step. Throws the file system's error.
 */
export async function writeFolder(path: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const present = await stat(path).catch(() => undefined)
  if (present) {
    for (const [name, content] of files) await writeFileAtomic(join(path, name), content)
    return
  }
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.part`)
  try {
    for (const [name, content] of files) await writeFileAtomic(join(temporary, name), content)
    await rename(temporary, path)
  } catch (failure) {
    await rm(temporary, { recursive: true, force: true })
    throw failure
  }
}

/** A rename lasts through a power cut only once its folder is synced; Windows can neither open nor sync a folder. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
