/** The process: reads the arguments and runs one command. */
import { ArgumentError, parseArguments, type Command } from './cli/arguments.ts'
import { runCheck } from './cli/check.ts'
import { runMigrate } from './cli/migrate.ts'
import { reportFailedStart, serve } from './cli/serve.ts'
import { VERSION } from './cli/version.ts'
import { runSimulator } from './sim/index.ts'

async function run(command: Command): Promise<number> {
  switch (command.kind) {
    case 'serve':
      return await serve(command.options, process.env)
    case 'migrate':
      return await runMigrate(command.options, process.env)
    case 'check':
      return runCheck(command, process.env, (text) => process.stdout.write(text))
    case 'sim':
      await runSimulator(command.argv)
      return 0
    case 'version':
      process.stdout.write(`sluice ${VERSION}\n`)
      return 0
    case 'help':
      process.stdout.write(command.text)
      return 0
  }
}

try {
  const code = await run(parseArguments(process.argv.slice(2), process.env))
  // A worker thread or an idle socket must not keep a process that is done.
  process.exit(code)
} catch (error) {
  if (!(error instanceof ArgumentError)) process.exit(reportFailedStart(error))
  process.stderr.write(`sluice: ${error.message}\n`)
  process.exit(2)
}
