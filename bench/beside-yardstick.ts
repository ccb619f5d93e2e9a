/** Where a call of Sluice takes more than the least program with the same duties does, by kinds of work. */
import { OWN_PART, RUNTIME_PARTS, YARDSTICK_PART, type ProfileSummary } from './cpu-profile.ts'

export interface KindOfWork {
  readonly name: string
  /** Microseconds a call. */
  readonly sluice: number
  readonly duties: number
}

const OWN = 'code of the program itself'
const PACKAGES = 'packages'
const KINDS = [RUNTIME_PARTS.native, RUNTIME_PARTS.node, OWN, RUNTIME_PARTS.garbage, PACKAGES] as const

/** @param microseconds of a call of each, which their profiles are shares of. */
export function besideYardstick(
  profiles: { readonly sluice: ProfileSummary; readonly duties: ProfileSummary },
  microseconds: { readonly sluice: number; readonly duties: number },
): KindOfWork[] {
  const shares = { sluice: sharesByKind(profiles.sluice), duties: sharesByKind(profiles.duties) }
  return KINDS.map((name) => ({
    name,
    sluice: (shares.sluice.get(name) ?? 0) * microseconds.sluice,
    duties: (shares.duties.get(name) ?? 0) * microseconds.duties,
  }))
}

function sharesByKind({ parts }: ProfileSummary): ReadonlyMap<string, number> {
  const shares = new Map<string, number>()
  for (const { name, share } of parts) {
    const kind = kindOf(name)
    shares.set(kind, (shares.get(kind) ?? 0) + share)
  }
  return shares
}

function kindOf(part: string): string {
  if (part === YARDSTICK_PART || part.startsWith(OWN_PART)) return OWN
  return Object.values<string>(RUNTIME_PARTS).includes(part) ? part : PACKAGES
}
