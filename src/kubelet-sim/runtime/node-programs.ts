/** The programs of a container runtime on its node. They are loaded when somebody first runs one; in virtual time, before the clock moves. */
import type { Program } from "../../host/index.ts";
import type { NodeRuntime } from "./node-runtime.ts";
import { runtimeProgramNames } from "./program-names.ts";

export async function preloadRuntimeTools(): Promise<void> {
	await Promise.all([import("./tools/index.ts"), import("./wasm/wasm-program.ts")]);
}

/** @param runtime of the machine that the program runs on; undefined when it is gone */
export function runtimeProgram(name: string, runtime: () => NodeRuntime | undefined): Program | undefined {
	if (!runtimeProgramNames.some((known) => known === name)) return undefined;
	return async (context) => {
		const { containerd, crictl, ctr, nerdctl, runc } = await import("./tools/index.ts");
		const serving = () => {
			const found = runtime();
			return found?.isServing === true ? found : undefined;
		};
		if (name === "crictl") return crictl(serving)(context);
		if (name === "ctr") return ctr(serving)(context);
		if (name === "nerdctl") return nerdctl(serving)(context);
		// It reads what shims have left on the disk.
		return name === "runc" ? runc(runtime)(context) : containerd(context);
	};
}
