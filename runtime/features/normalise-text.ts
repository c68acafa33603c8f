/** Undoes what editors and wrong encodings do to text, before it is split into words. */

/**
 * What Windows-1252 has at 0x80–0x9F. Text that was read as Latin-1 has these as control characters (U+0091 for ‘). The five
 * bytes that it leaves open stand for themselves.
 */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'
const bytes1252: ReadonlyMap<string, number> = new Map([...WINDOWS_1252].map((letter, k) => [letter, 0x80 + k]))

/**
 * UTF-8 that was read as Windows-1252 or Latin-1: â€™ for ’, Ã© for é. Only the first bytes of Latin letters (C2–C5) and of
 * punctuation (E2) are looked for, since others also occur in sound text.
 */
const mojibake = /[\u00c2-\u00c5][\u0080-\u00bf]|\u00e2[\u0080-\u00bf]{2}/g
const continuation = new RegExp(`[${[...bytes1252.keys()].join('')}]`, 'g')

/**
 * Text with one kind of quotes, dashes, dots and spaces: ‘ ’ become ', “ ” « » become ", – — become --, … becomes ..., and
 * soft hyphens and zero-width characters go. Mojibake and Windows-1252 controls are mended first, letters are composed (NFC).
 */
export function normaliseText(text: string): string {
  return mended(text)
    .normalize('NFC')
    .replace(/[\u0080-\u009f]/g, (control) => WINDOWS_1252[control.charCodeAt(0) - 0x80] ?? control)
    .replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, '')
    .replace(/[‘’‚‛′´`]/g, "'")
    .replace(/[“”„‟″«»]|''/g, '"')
    .replace(/\s*[—―]\s*|(?<!\d)–(?!\d)/g, ' -- ')
    .replace(/[‐‑‒–−]/g, '-')
    .replace(/…|\. \. \./g, '...')
    .replace(/\s+/g, ' ')
    .trim()
}

function mended(text: string): string {
  if (!/[\u00c2-\u00c5\u00e2]/.test(text)) return text
  // Byte values, one a character: what was decoded as 1252 goes back to the bytes that it was made of.
  const encoded = text.replace(continuation, (letter) => String.fromCharCode(bytes1252.get(letter) ?? 0))
  const repaired = encoded.replace(mojibake, (run) => {
    const decoded = new TextDecoder().decode(Uint8Array.from(run, (letter) => letter.charCodeAt(0)))
    return /^[\u00a0-\u017f\u2010-\u2044\u20ac\u2122]$/.test(decoded) ? decoded : run
  })
  return repaired
}
