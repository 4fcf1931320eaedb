/** Commands that turn the machine off, or off and on. */
import { parseOptions } from "../commands/options.ts";
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import type { PowerAction, SystemManager } from "./manager.ts";

/** `reboot`, `poweroff`, `halt`. */
export function powerCommand(manager: SystemManager, action: PowerAction): Program {
	return () => {
		manager.power(action);
		return 0;
	};
}

/** `shutdown`: now, or in so many minutes. Source: shutdown(8) */
export function shutdownCommand(manager: SystemManager): Program {
	let planned: { cancel(): void } | undefined;
	return async ({ argv, stderr }) => {
		const { flags, operands } = parseOptions(argv.slice(1), "hHPrkc", ["poweroff", "reboot", "halt", "no-wall", "show"]);
		if (flags.has("c")) {
			planned?.cancel();
			planned = undefined;
			return 0;
		}
		const action = flags.has("r") || flags.has("reboot") ? "reboot" : "poweroff";
		const when = operands[0] ?? "+1";
		const minutes = when === "now" ? 0 : Number(/^\+?(\d+)$/.exec(when)?.[1] ?? Number.NaN);
		if (Number.isNaN(minutes)) {
			await writeText(stderr, `Failed to parse time specification: ${when}\n`);
			return 1;
		}
		if (minutes === 0) {
			manager.power(action);
			return 0;
		}
		const { clock } = manager;
		planned?.cancel();
		planned = clock.setTimeout(() => manager.power(action), minutes * 60_000);
		const at = new Date(clock.now() + minutes * 60_000).toISOString();
		const what = action === "reboot" ? "Reboot" : "Shutdown";
		await writeText(stderr, `${what} scheduled for ${at.slice(0, 10)} ${at.slice(11, 19)} UTC, use 'shutdown -c' to cancel.\n`);
		return 0;
	};
}
