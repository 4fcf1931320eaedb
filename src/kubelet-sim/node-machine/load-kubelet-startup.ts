/** What reads a kubelet's flags and files is loaded when the first one is started by hand: most never are. */
import { once } from "../images/image.ts";

export const loadKubeletStartup = once(async () => {
	const [{ startKubelet }, { parse }] = await Promise.all([import("./kubelet-startup.ts"), import("yaml")]);
	return { startKubelet, parse };
});
