/** The door of the simulator. */
export { runSimulator } from './command.ts'
export { readMeterFile } from './meter.ts'
export type { Meter, MeterEntry, MeterState, MeterTotals } from './meter.ts'
export type { ReceivedRequest } from './request-log.ts'
export { startSimulator } from './simulator.ts'
export type { Simulator, SimulatorOptions } from './simulator.ts'
