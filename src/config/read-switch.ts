/** The words by which a text is a switch, in the config file, the environment and on the command line. */

const SWITCH_WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  '0': false,
}

/** Reads the words that YAML 1.1 and environment variables use for yes and no. */
export function readSwitch(word: string): boolean | undefined {
  const known = word.trim().toLowerCase()
  return Object.hasOwn(SWITCH_WORDS, known) ? SWITCH_WORDS[known] : undefined
}
