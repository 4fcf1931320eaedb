/** `kubesim kubeconfig`: a kubeconfig of one cluster alone, on stdout. */
import { readFileSync } from "node:fs";
import { ClusterDirectory } from "../cluster-directory.ts";

export function kubeconfig({ name }: { readonly name: string }): void {
	process.stdout.write(readFileSync(ClusterDirectory.existing(name).kubeconfigFile));
}
