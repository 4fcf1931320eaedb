/** Preloaded into a process (--require): says at its end which files and modules of Node's it has loaded, a line of JSON in LOADED_FILES. */
const { appendFileSync } = require("node:fs");
const { registerHooks } = require("node:module");

const files = [];
registerHooks({
	load(url, context, nextLoad) {
		files.push(url);
		return nextLoad(url, context);
	},
});
process.on("exit", () => {
	const builtins = process.moduleLoadList.flatMap((name) => /^NativeModule (.*)$/.exec(name)?.[1] ?? []);
	appendFileSync(process.env.LOADED_FILES, `${JSON.stringify({ command: process.argv[2], files, builtins })}\n`);
});
