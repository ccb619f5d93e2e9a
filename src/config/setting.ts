/**
 * The words of which the schemas of the config file are made: what a value may be, whether it is in force, and the
 * sentence that documents it. A value given by `os.environ/NAME` is text; where a number or a switch is expected the
 * text is read as one, and so is quoted text in the file, because templates often quote every value.
 */
import * as z from 'zod'
import { EnvironmentText } from './environment.ts'
import { readSwitch } from './read-switch.ts'
import { Secret } from './secret.ts'

export interface SettingFacts {
  /** `accepted` keys are read and checked, but nothing follows from them yet: a warning says so. */
  readonly status: 'in force' | 'accepted'
  readonly description: string
}

/** Facts about each schema that stands for a key. */
export const settingFacts = z.registry<SettingFacts>()

/** What a kind of value is called, in errors and in the docs. */
export const typeNames = z.registry<{ readonly typeName: string }>()

/** A key that works. */
export function inForce<Schema extends z.ZodType>(schema: Schema, description: string): Schema {
  settingFacts.add(schema, { status: 'in force', description })
  return schema
}

/** A key that is read and checked, and does nothing yet. */
export function accepted<Schema extends z.ZodType>(schema: Schema, description: string): Schema {
  settingFacts.add(schema, { status: 'accepted', description })
  return schema
}

function unwrap(value: unknown): unknown {
  return value instanceof EnvironmentText ? value.reveal() : value
}

/** A schema with one expectation: `read` gives the typed value, or undefined when the value does not meet it. */
function atom<Value>(expected: string, read: (value: unknown) => Value | undefined, mayShowFound = true) {
  const schema = z.unknown().transform((value, context): Value => {
    const result = read(value)
    if (result !== undefined) return result
    context.issues.push({ code: 'custom', message: expected, input: undefined, params: { mayShowFound } })
    return z.NEVER
  })
  typeNames.add(schema, { typeName: expected })
  return schema
}

export function text(expected = 'text', isFit: (value: string) => boolean = () => true) {
  return atom(expected, (value) => {
    const plain = unwrap(value)
    return typeof plain === 'string' && isFit(plain) ? plain : undefined
  })
}

/** Text by which something is called. */
export function nameText() {
  return text('text that is not empty', (value) => value.trim() !== '')
}

/** Text that must never be shown. */
export function secretText(expected = 'text', isFit: (value: string) => boolean = () => true) {
  return atom(
    expected,
    (value) => {
      const plain = unwrap(value)
      return typeof plain === 'string' && isFit(plain) ? new Secret(plain) : undefined
    },
    false,
  )
}

function readNumber(value: unknown): number | undefined {
  const plain = unwrap(value)
  if (typeof plain === 'number') return Number.isFinite(plain) ? plain : undefined
  if (typeof plain !== 'string' || !/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(plain))
    return undefined
  const number = Number(plain)
  return Number.isFinite(number) ? number : undefined
}

function within(number: number | undefined, least: number, most: number): number | undefined {
  return number !== undefined && number >= least && number <= most ? number : undefined
}

/** A number from `least` to `most`; times are seconds, money is USD. */
export function decimal(expected: string, least = 0, most = Number.MAX_VALUE) {
  return atom(expected, (value) => within(readNumber(value), least, most))
}

export function integer(expected = 'a whole number from 0', least = 0, most = Number.MAX_SAFE_INTEGER) {
  return atom(expected, (value) => {
    const number = within(readNumber(value), least, most)
    return Number.isSafeInteger(number) ? number : undefined
  })
}

/** `true` or `false`, also as the words that YAML 1.1 counts among them. */
export function toggle() {
  return atom('true or false', (value) => {
    const plain = unwrap(value)
    if (typeof plain === 'boolean') return plain
    return typeof plain === 'string' ? readSwitch(plain) : undefined
  })
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  mo: 2_592_000,
}

/** A span as `30s`, `15m`, `12h`, `7d`, `2w`, `1mo` (30 days), or a number of seconds. The result is seconds. */
export function duration() {
  return atom('a duration such as "30s", "15m", "12h", "7d", "1mo", or a number of seconds', (value) => {
    const seconds = readNumber(value)
    if (seconds !== undefined) return within(seconds, 0, Number.MAX_SAFE_INTEGER)
    const plain = unwrap(value)
    const match = typeof plain === 'string' ? /^\s*(\d{1,9})\s*(s|m|h|d|w|mo)\s*$/.exec(plain) : null
    if (match?.[1] === undefined || match[2] === undefined) return undefined
    return Number(match[1]) * (UNIT_SECONDS[match[2]] ?? 0)
  })
}

export function choice<const Words extends readonly string[]>(words: Words) {
  return atom(`one of ${words.join(', ')}`, (value): Words[number] | undefined => {
    const plain = unwrap(value)
    return words.find((word) => word === plain)
  })
}

/** A list; its items are errors of their own. */
export function listOf<Item extends z.ZodType>(item: Item, typeName: string) {
  const schema = z.array(item, { error: typeName }).readonly()
  typeNames.add(schema, { typeName })
  return schema
}

/** Texts; a single one may stand without a list. */
export function textList() {
  const schema = z.preprocess(
    (value) => {
      const plain = unwrap(value)
      return typeof plain === 'string' ? [plain] : plain
    },
    listOf(text(), 'a list of texts'),
  )
  typeNames.add(schema, { typeName: 'a list of texts' })
  return schema
}

/** Texts that must never be shown; a single one may stand without a list. */
export function secretTextList() {
  const typeName = 'a text, or a list of texts'
  const schema = z.preprocess(
    (value) => (Array.isArray(value) || value === undefined || value === null ? value : [value]),
    listOf(secretText(), typeName),
  )
  typeNames.add(schema, { typeName })
  return schema
}

export function mapOf<Value extends z.ZodType>(value: Value, typeName: string) {
  const schema = z.record(z.string(), value, { error: typeName }).readonly()
  typeNames.add(schema, { typeName })
  return schema
}

/** A key with an empty value (`key:`) counts as absent. */
function withoutEmptyKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
}

/** A map with known keys, frozen. Unknown ones are reported elsewhere, as warnings. */
export function mapWith<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape, typeName = 'a map') {
  const schema = z.preprocess(withoutEmptyKeys, z.object(shape, { error: typeName }).readonly())
  typeNames.add(schema, { typeName })
  shapes.set(schema, shape)
  return schema
}

const shapes = new WeakMap<z.ZodType, Readonly<Record<string, z.ZodType>>>()

/** The keys of a schema made by `mapWith`; none for any other. */
export function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  return shapes.get(schema) ?? {}
}

/** A value that the gateway passes on without reading: JSON, in which texts from the environment are secret. */
export type ParameterValue =
  | null
  | boolean
  | number
  | string
  | Secret
  | readonly ParameterValue[]
  | { readonly [name: string]: ParameterValue }

function readParameter(value: unknown): ParameterValue {
  if (value instanceof EnvironmentText) return new Secret(value.reveal())
  if (Array.isArray(value)) return value.map(readParameter)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, readParameter(member)]))
  }
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value
  return null
}

/** Any value. */
export function anything() {
  const schema = z.unknown().transform(readParameter)
  typeNames.add(schema, { typeName: 'any value' })
  return schema
}

/** A map that is passed on unread. */
export function anyMap() {
  return mapOf(anything(), 'a map')
}

/** JSON text of a parameter with its secrets revealed: for the bytes that go to the provider, never for a log. */
export function parameterJson(value: ParameterValue): string {
  return JSON.stringify(revealed(value))
}

function revealed(value: ParameterValue): unknown {
  if (value instanceof Secret) return value.reveal()
  if (Array.isArray(value)) return value.map(revealed)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revealed(member)]))
  }
  return value
}
