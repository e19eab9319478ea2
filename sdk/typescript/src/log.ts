export type LogFields = Record<string, unknown>;

/** Where the worker writes what happens. `console` fits; so do most loggers behind three lines. */
export interface Logger {
  info(sentence: string, fields: LogFields): void;
  warn(sentence: string, fields: LogFields): void;
  error(sentence: string, fields: LogFields): void;
}

function line(level: string, sentence: string, fields: LogFields): void {
  process.stderr.write(
    JSON.stringify({ time: new Date().toISOString(), level, message: sentence, ...fields }) + "\n",
  );
}

/** One JSON object a line on standard error. */
export const jsonLogger: Logger = {
  info: (sentence, fields) => line("info", sentence, fields),
  warn: (sentence, fields) => line("warn", sentence, fields),
  error: (sentence, fields) => line("error", sentence, fields),
};

/** Says nothing. */
export const silentLogger: Logger = { info() {}, warn() {}, error() {} };
