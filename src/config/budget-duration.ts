/** After which time a budget starts anew, as configurations write it: windows follow the calendar, so it stays text. */
import { text } from './setting.ts'

export function budgetDuration() {
  return text('a duration such as "12h", "7d", "30d", "1mo"', (value) =>
    /^\s*[1-9]\d{0,8}(mo|[smhdw])\s*$/.test(value),
  )
}
