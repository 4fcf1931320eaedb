#!/usr/bin/env node
/**
 * The bin. Says in one line when Node is too old, before anything that an old Node could not even parse is loaded.
 */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
	process.stderr.write(`kubesim needs Node.js 22.19 or newer, this is ${process.versions.node}. Get one at https://nodejs.org\n`);
	process.exitCode = 1;
} else {
	const { enableCompileCache } = await import("node:module");
	// Compiled code is kept between runs: a start then spends no time on compiling.
	enableCompileCache();
	const { main } = await import("./main.ts");
	await main(process.argv);
}

export {};
