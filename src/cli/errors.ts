/** Exit codes and what is said about a failure: one line for each problem, no stack traces. */
import { CommanderError } from 'commander';
import { ConfigError, formatProblem } from '../config/problem.js';

export const ExitCode = {
  FINE: 0,
  /** The work failed: a file that cannot be read or written, a damaged capture, a packet that is not there. */
  FAILED: 1,
  /** Wrong arguments, or a configuration that is not valid. */
  USAGE: 2,
} as const;

/** Arguments that do not fit together. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command has said all that there is to say, and ends with this code. */
export class ExitError extends Error {
  override readonly name = 'ExitError';

  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof ExitError) return error.code;
  // Help and version, asked for, come as errors with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.FINE : ExitCode.USAGE;
  if (error instanceof UsageError || error instanceof ConfigError) return ExitCode.USAGE;
  return ExitCode.FAILED;
}

/** Lines about the failure, without the program's name; none where commander has printed its own. */
export function failureLines(error: unknown): string[] {
  if (error instanceof ExitError || error instanceof CommanderError) return [];
  if (error instanceof ConfigError) return error.problems.map(formatProblem);
  return [error instanceof Error ? error.message.replace(/\s*\n\s*/g, ' ') : String(error)];
}
