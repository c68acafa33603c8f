/** Says in plain words why a file could not be opened, read or written. */

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  EACCES: 'permission was refused',
  EPERM: 'permission was refused',
  EROFS: 'the disk can only be read',
  ENOSPC: 'the disk is full',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its links go in a circle',
}

/** The code of a file system's error (`ENOENT`), or undefined where it is something else. */
export function fileErrorCode(failure: unknown): string | undefined {
  return failure instanceof Error && 'code' in failure && typeof failure.code === 'string' ? failure.code : undefined
}

/** Why it failed, for the end of a sentence: `there is no such file`. Unknown reasons keep the system's words. */
export function explainFileError(failure: unknown): string {
  const reason = REASONS[fileErrorCode(failure) ?? '']
  return reason ?? (failure instanceof Error ? failure.message : String(failure))
}
