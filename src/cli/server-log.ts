/** The server's own log: one line a message, on stdout, which for a server in the background is its log file. */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { formatTime } from "../apimachinery/time.ts";

export function createServerLog(clock: Clock, write: (line: string) => void = (line) => process.stdout.write(line)): Logger {
	const at = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
		const rest = Object.entries(fields ?? {}).map(
			([key, value]) => ` ${key}=${typeof value === "string" ? JSON.stringify(value) : String(value)}`,
		);
		write(`${formatTime(clock.now())} ${level} ${message}${rest.join("")}\n`);
	};
	return { debug: () => undefined, info: at("INFO"), warn: at("WARN"), error: at("ERROR") };
}
