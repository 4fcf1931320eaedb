import { afterEach, beforeEach, expect, it } from "vitest";
import { runtimeClasses } from "../../../client/resources.ts";
import { ImageCatalog } from "../../images/image-catalog.ts";
import { readImageFile } from "../../images/image-file.ts";
import { FleetHarness } from "../../testing/fleet-harness.ts";
import { runOnNode } from "../../testing/node-shell.ts";
import { type Step, wasmModule, words } from "../../testing/wasm-module.ts";

let harness: FleetHarness;
let images: ImageCatalog;

beforeEach(async () => {
	images = new ImageCatalog();
	harness = new FleetHarness({ images });
	await harness.start("n1");
	await harness.client
		.resource(runtimeClasses)
		.create({ apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name: "wasm" }, handler: "wasmtime" });
});

afterEach(() => harness.stop());

async function run(module: Uint8Array, { runtimeClassName = "wasm", ...container }: { runtimeClassName?: string; args?: string[] } = {}) {
	const base64 = Buffer.from(module).toString("base64");
	const file = `apiVersion: kubesim.dev/v1alpha1\nkind: Image\nmetadata: { name: registry.example.com/app }\nspec: { base: scratch, entrypoint: [/app.wasm], files: [{ path: /app.wasm, executable: true, base64: ${base64} }] }`;
	for (const image of (await readImageFile(file)).images) images.load(image);
	const spec = runtimeClassName === "" ? {} : { runtimeClassName };
	await harness.pod("app", { name: "app", image: "registry.example.com/app:1", ...container }, { restartPolicy: "Never", ...spec });
	await harness.clock.advance(1_000);
}

async function log(): Promise<string> {
	const { stdout, stderr } = await runOnNode(harness, "crictl logs $(crictl ps -aq)");
	return stdout + stderr;
}

async function ending() {
	return (await harness.get("app")).status?.containerStatuses?.[0]?.state?.terminated;
}

const say = (text: string, at = 100): { steps: readonly Step[]; data: Record<number, readonly number[] | string> } => ({
	steps: [{ call: "fd_write", args: [1, at, 1, 8] }],
	data: { [at]: words(at + 16, text.length), [at + 16]: text },
});

it("runs a module for real: what it prints is the log, and how it exits the container's end", async () => {
	const { steps, data } = say("Hello from a module\n");
	await run(wasmModule([...steps, { call: "proc_exit", args: [7] }], data));
	expect(await log()).toBe("Hello from a module\n");
	expect(await ending()).toMatchObject({ exitCode: 7, reason: "Error" });
});

it("gives it its arguments, and the container's files to write and read", async () => {
	// args_get puts pointers at 200 and texts at 300: "/app.wasm\0first\0"; the second one is at 310.
	const path = "data.txt";
	await run(
		wasmModule(
			[
				{ call: "args_get", args: [200, 300] },
				{ call: "path_open", args: [3, 0, 500, path.length, 1, -1, -1, 0, 512] },
				{ call: "fd_write", args: [4, 520, 1, 8] },
				{ call: "path_open", args: [3, 0, 500, path.length, 0, -1, -1, 0, 512] },
				{ call: "fd_read", args: [5, 540, 1, 8] },
				{ call: "fd_write", args: [1, 540, 1, 8] },
			],
			{ 500: path, 520: words(310, 5), 540: words(600, 5) },
		),
		{ args: ["first"] },
	);
	expect(await log()).toBe("first");
	expect(await ending()).toMatchObject({ exitCode: 0, reason: "Completed" });
});

it("sleeps on the cluster's clock", async () => {
	// One subscription to a clock, for 30 s: userdata, tag 0, then clock id, timeout in nanoseconds, precision, flags.
	const nanoseconds = Buffer.alloc(8);
	nanoseconds.writeBigUInt64LE(30_000_000_000n);
	const { steps, data } = say("awake\n");
	await run(wasmModule([{ call: "poll_oneoff", args: [700, 800, 1, 8] }, ...steps], { ...data, 724: [...nanoseconds] }));
	await harness.clock.advance(27_000);
	expect(await ending()).toBeUndefined();
	await harness.clock.advance(3_000);
	expect(await ending()).toMatchObject({ exitCode: 0 });
	expect(await log()).toBe("awake\n");
});

it("ends a module that traps, and kills one that takes too much memory", async () => {
	const { steps, data } = say("so far\n");
	await run(wasmModule([...steps, "trap"], data));
	expect(await log()).toBe("so far\nError: failed to run main module: unreachable\n");
	expect(await ending()).toMatchObject({ exitCode: 137 });
	await harness.client.resource({ group: "", version: "v1", resource: "pods", kind: "Pod" }).delete({ namespace: "default", name: "app" });
	await harness.clock.advance(1_000);
	await runOnNode(harness, "crictl rmi registry.example.com/app:1");
	await run(wasmModule(steps, data, 5_000));
	expect(await ending()).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
});

it("is nothing that runc could run", async () => {
	const { steps, data } = say("never\n");
	await run(wasmModule(steps, data), { runtimeClassName: "" });
	expect((await ending())?.message).toContain('exec: "/app.wasm": exec format error');
});
