/** Reads `docs/errors/*.md`: what each says, and its failing and mended examples. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../docs/errors/', import.meta.url))

export interface ErrorDoc {
  readonly code: string
  readonly slug: string
  /** Undefined where the page says why it has none. */
  readonly fails: string | undefined
  readonly mended: string | undefined
}

function example(text: string, name: string): string | undefined {
  return new RegExp(`\`\`\`model\\n// ${name}\\n([\\s\\S]*?)\\n\`\`\``).exec(text)?.[1]
}

/** Every page whose code begins with `prefix`, such as `MCF1`. */
export function errorDocs(prefix: string): ErrorDoc[] {
  return readdirSync(folder)
    .filter((file) => file.startsWith(prefix) && file.endsWith('.md'))
    .sort()
    .map((file) => {
      const text = readFileSync(`${folder}/${file}`, 'utf8')
      const [, code = '', slug = ''] = /^# (MCF\d{4}) (\S+)/.exec(text) ?? []
      return { code, slug, fails: example(text, 'fails'), mended: example(text, 'mended') }
    })
}
