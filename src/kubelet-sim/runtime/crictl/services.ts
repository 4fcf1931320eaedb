/** What subcommands of crictl are given, and may answer. */
import type { ContainerRuntime } from "../cri.ts";
import type { CrictlConfig } from "./crictl-config.ts";

export interface CrictlServices {
	readonly runtime: ContainerRuntime;
	readonly config: CrictlConfig;
	readonly configPath: string;
}

/** In place of an exit code: it was used wrongly, and wants its help shown. */
export const helpExit = -1;
