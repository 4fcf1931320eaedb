/**
 * What a component says about its work. The composition root decides where it goes.
 */
export interface Logger {
	debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
	info(message: string, fields?: Readonly<Record<string, unknown>>): void;
	warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
	error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const drop = () => undefined;

/** Says nothing: for tests and for callers that do not care. */
export const silentLog: Logger = { debug: drop, info: drop, warn: drop, error: drop };
