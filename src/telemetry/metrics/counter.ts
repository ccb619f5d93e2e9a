/** Counters: values that only grow. */
import { Family, type FamilyContext, type FamilyOptions, type Series } from './family.ts'

export interface CounterOptions extends FamilyOptions {
  /**
   * What one unit of the metric holds, e.g. 1e12 for dollars counted in picodollars: whole numbers are added up
   * exactly, and divided only when they are shown.
   */
  readonly unit?: number
}

export class Counter implements Series {
  readonly labelText: string
  value = 0

  constructor(labelText: string) {
    this.labelText = labelText
  }

  add(amount: number): void {
    this.value += amount
  }
}

export class CounterFamily extends Family<Counter> {
  readonly type = 'counter'
  readonly unit: number

  constructor(options: CounterOptions, context: FamilyContext) {
    super(options, context)
    if (!options.name.endsWith('_total'))
      throw new Error(`counter ${options.name}: expected a name with _total`)
    this.unit = options.unit ?? 1
    if (options.labels.length === 0) this.series([])
  }

  protected override create(labelText: string): Counter {
    return new Counter(labelText)
  }

  protected override dropped(): void {}

  protected override activityOf(child: Counter): number {
    return child.value
  }
}
