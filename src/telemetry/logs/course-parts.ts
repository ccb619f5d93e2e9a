/**
 * The parts of a call's log line that tell how it went. Most calls of a process go one of a few courses: to compare them
 * costs a third of what it costs to join the words one by one.
 */
import type { CallEnd, CallStart } from '../../record/call-record.ts'
import { jsonText, madeAnew } from './json-text.ts'
import type { LogLevel } from './log-level.ts'

/** Whole answers and streams of a few routes, and their failures. */
const MOST_COURSES = 16

/** How a call went, and the texts that stand between what each call has of its own. */
interface Course {
  readonly level: LogLevel
  readonly callType: CallStart['callType']
  readonly route: string
  readonly stream: boolean
  readonly ending: CallEnd['ending']
  readonly httpStatus: number
  readonly attempts: number
  readonly usageSource: CallEnd['usageSource']
  readonly priced: boolean
  readonly beforeTime: string
  readonly beforeId: string
  readonly afterId: string
  readonly beforeUsage: string
  readonly beforeCost: string
  readonly afterCost: string
}

export class CourseParts {
  readonly #known: Course[] = []
  #next = 0

  of(level: LogLevel, start: CallStart, end: CallEnd): Course {
    for (const course of this.#known) if (isOf(course, level, start, end)) return course
    const course = madeOf(level, start, end)
    this.#known[this.#next] = course
    this.#next = (this.#next + 1) % MOST_COURSES
    return course
  }
}

function isOf(course: Course, level: LogLevel, start: CallStart, end: CallEnd): boolean {
  return (
    course.route === start.route &&
    course.stream === start.stream &&
    course.httpStatus === end.httpStatus &&
    course.ending === end.ending &&
    course.attempts === end.attempts.length &&
    course.usageSource === end.usageSource &&
    course.priced === end.priced &&
    course.callType === start.callType &&
    course.level === level
  )
}

function madeOf(level: LogLevel, start: CallStart, end: CallEnd): Course {
  const { callType, route, stream } = start
  const { ending, httpStatus, usageSource, priced } = end
  const attempts = end.attempts.length
  return {
    level,
    callType,
    route,
    stream,
    ending,
    httpStatus,
    attempts,
    usageSource,
    priced,
    beforeTime: madeAnew(`{"level":"${level}","time":"`),
    beforeId: madeAnew(`","msg":"call ${ending}","event":"call","call_id":`),
    afterId: madeAnew(
      `,"call_type":"${callType}","route":${jsonText(route)},"status":${httpStatus},"ending":"${ending}",` +
        `"stream":${stream},`,
    ),
    beforeUsage: madeAnew(`,"attempts":${attempts},`),
    beforeCost: madeAnew(`,"usage_source":"${usageSource}","cost_usd":`),
    afterCost: madeAnew(`","priced":${priced},"cache_hit":`),
  }
}
