/** Ctrl-Z, as programs that have the whole screen do it. */
import { sleep } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";

/** How long it may take until a signal is there, real ms. */
const signalMs = 100;

/**
 * Stops this process and those that the same shell started with it. Resolves when that shell lets them go on; soon, where nobody could: a
 * group whose leader has no shell is not stopped (https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_04_03).
 */
export async function stopUntilContinued(): Promise<void> {
	let goOn: () => void = () => undefined;
	const continued = new Promise<void>((resolve) => {
		goOn = resolve;
	});
	process.once("SIGCONT", goOn);
	process.kill(0, "SIGTSTP");
	await Promise.race([continued, sleep(new WallClock(), signalMs)]);
	process.off("SIGCONT", goOn);
}
