/** What stands in for kubectl where a lesson's solution is typed and there is none. */
import { standIn } from "../../tutorials/kubectl/stand-in.ts";

/** Ends with its exit code. */
export async function kubectlStandIn(args: readonly string[]): Promise<void> {
	process.exitCode = await standIn(args, process.env, process);
}
