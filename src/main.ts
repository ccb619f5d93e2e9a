/** The process: reads the arguments and runs one command. Only what the command needs is loaded. */
import { ArgumentError, parseArguments, type Command } from './cli/arguments.ts'
import { useCompileCache } from './cli/compile-cache.ts'
import { reportFailedStart } from './cli/report-failed-start.ts'
import { needsWorkers, type ServeOptions } from './cli/serve-options.ts'
import { VERSION } from './cli/version.ts'
import { ownWorkerId } from './cli/workers/worker-id.ts'

async function run(command: Command): Promise<number> {
  switch (command.kind) {
    case 'serve':
      return await runServe(command.options)
    case 'migrate': {
      const { runMigrate } = await import('./cli/migrate.ts')
      return await runMigrate(command.options, process.env)
    }
    case 'import': {
      const { runImportCommand } = await import('./cli/import.ts')
      return await runImportCommand(command.options, process.env)
    }
    case 'check': {
      const { runCheck } = await import('./cli/check.ts')
      return runCheck(command, process.env, (text) => process.stdout.write(text))
    }
    case 'sim': {
      const { runSimulator } = await import('./sim/index.ts')
      await runSimulator(command.argv)
      return 0
    }
    case 'version':
      process.stdout.write(`sluice ${VERSION}\n`)
      return 0
    case 'help':
      process.stdout.write(command.text)
      return 0
  }
}

async function runServe(options: ServeOptions): Promise<number> {
  if (ownWorkerId() === undefined && needsWorkers(options)) {
    const { supervise } = await import('./cli/workers/supervisor.ts')
    return await supervise(options)
  }
  const { serve } = await import('./cli/serve.ts')
  return await serve(options, process.env)
}

useCompileCache(process.env)
try {
  const code = await run(parseArguments(process.argv.slice(2), process.env))
  // A worker thread or an idle socket must not keep a process that is done.
  process.exit(code)
} catch (error) {
  if (!(error instanceof ArgumentError)) process.exit(reportFailedStart(error))
  process.stderr.write(`sluice: ${error.message}\n`)
  process.exit(2)
}
