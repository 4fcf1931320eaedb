import { cpSync, readFileSync } from "node:fs";
import { defineConfig } from "rolldown";

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };
/** Left outside the bundle: a native module, and a shell that is loaded only when somebody opens one. */
const external = ["level", "classic-level", "just-bash"].filter((name) => name in dependencies || name === "classic-level");
/** Whoever tests with it has it. */
const peers = ["fast-check"];
/** Lessons are data, read by who learns. */
const lessons = { name: "lessons", writeBundle: () => cpSync("src/tutorials/lessons", "dist/lessons", { recursive: true }) };

export default defineConfig({
	input: { kubesim: "src/cli/entry.ts", index: "src/index.ts", testing: "src/testing.ts", images: "src/images.ts" },
	platform: "node",
	plugins: [lessons],
	external: [...external, ...peers, /^node:/],
	output: { dir: "dist", format: "esm", cleanDir: true, chunkFileNames: "chunks/[name]-[hash].js", entryFileNames: "[name].js" },
});
