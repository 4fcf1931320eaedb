import { afterEach, describe, expect, it } from "vitest";
import { Collector } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { ImageCatalog } from "./image-catalog.ts";
import { readImageFile } from "./image-file.ts";
import { ImageFileError } from "./image-file-error.ts";

let harness: FleetHarness | undefined;

afterEach(() => harness?.stop());

/** A pod `a` of the image, for so long. */
async function running(spec: string, forMs: number, pod: Parameters<FleetHarness["pod"]>[1] = {}): Promise<FleetHarness> {
	const file = `apiVersion: kubesim.dev/v1alpha1\nkind: Image\nmetadata: { name: example.com/app }\nspec:\n${spec}`;
	harness = new FleetHarness({ images: new ImageCatalog(await readImageFile(file)) });
	await harness.start();
	await harness.pod("a", { image: "example.com/app:v1", ...pod }, { restartPolicy: "Never" });
	await harness.clock.advance(forMs);
	return harness;
}

const target = (pod: string) => ({ namespace: "default", pod, container: "c", node: "n1" });

async function log({ fleet }: FleetHarness): Promise<string> {
	const output = new Collector();
	const options = { follow: false, previous: false, timestamps: false };
	await fleet.connector.logs(target("a"), options, async (chunk) => output.write(chunk), new AbortController().signal);
	return output.text();
}

/** What a command in the pod prints. */
async function run({ fleet }: FleetHarness, script: string): Promise<string> {
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	const options = { command: ["sh", "-c", script], tty: false, stdin: false };
	await fleet.connector.exec(target("a"), options, { stdout: write, stderr: write }, new AbortController().signal);
	return output.text();
}

async function stateOf(fleet: FleetHarness) {
	return (await fleet.get("a")).status?.containerStatuses?.[0]?.state;
}

describe("an image file", () => {
	it("describes files, environment and what runs", async () => {
		const fleet = await running(
			`  env: { GREETING: hello }
  workingDir: /app
  files:
    - { path: /app/name, content: world }
    - { path: /app/run.sh, executable: true, content: "#!/bin/sh\\necho $GREETING $(cat name) $1\\n" }
  entrypoint: [/app/run.sh]
  cmd: [again]
`,
			1_000,
		);
		expect(await log(fleet)).toBe("hello world again\n");
		expect((await stateOf(fleet))?.terminated?.exitCode).toBe(0);
	});

	it("describes what a program prints, and when", async () => {
		const fleet = await running(
			`  programs:
    - path: /app
      logs:
        - { text: "up on $(HOSTNAME)" }
        - { text: tick, after: 2s, every: 3s }
`,
			9_000,
		);
		expect(await log(fleet)).toBe("up on a\ntick\ntick\ntick\n");
	});

	it("describes what a program answers, from when until when", async () => {
		const fleet = await running(
			`  commands: [curl]
  programs:
    - path: /app
      listen:
        - port: 8080
          after: 1s
          http:
            - { path: /ready, body: warm, from: 5s, until: 20s }
            - { path: /ready, status: 503, body: cold }
            - { path: /api/*, method: post, body: "made by $(HOSTNAME)" }
        - { port: 9000, protocol: echo }
`,
			0,
		);
		const ask = "curl -s -w ' %{http_code}' localhost:8080";
		expect(await run(fleet, `${ask}/ready`)).toBe(" 000");
		await fleet.clock.advance(2_000);
		expect(await run(fleet, `${ask}/ready`)).toBe("cold 503");
		await fleet.clock.advance(5_000);
		expect(await run(fleet, `${ask}/ready`)).toBe("warm 200");
		expect(await run(fleet, "curl -s -X POST localhost:8080/api/things")).toBe("made by a");
		expect(await run(fleet, `${ask}/api/things`)).toBe("404 page not found\n 404");
		expect(await run(fleet, "echo hey | nc localhost 9000")).toBe("hey\n");
		await fleet.clock.advance(20_000);
		expect(await run(fleet, `${ask}/ready`)).toBe("cold 503");
	});

	it("describes how a program ends by itself", async () => {
		const fleet = await running("  programs: [{ path: /app, exit: { after: 30s, code: 3 } }]\n", 29_000);
		expect((await stateOf(fleet))?.running).toBeDefined();
		await fleet.clock.advance(2_000);
		expect((await stateOf(fleet))?.terminated?.exitCode).toBe(3);
	});

	it.each([
		["ends well, if nothing is said", "logs: []", { exitCode: 0, reason: "Completed" }, ""],
		["ends as it says", "signals: [{ name: TERM, after: 3s, code: 7, log: bye }]", { exitCode: 7, reason: "Error" }, "bye\n"],
		["does not listen", "signals: [{ name: SIGTERM, ignore: true, log: no }]", undefined, "no\n"],
	])("describes how a program takes SIGTERM: it %s", async (_, program, end, says) => {
		const fleet = await running(`  programs: [{ path: /app, ${program} }]\n`, 1_000);
		await run(fleet, "kill 1");
		if (says !== "") expect((await stateOf(fleet))?.running).toBeDefined();
		await fleet.clock.advance(5_000);
		const { terminated } = (await stateOf(fleet)) ?? {};
		expect(terminated === undefined ? undefined : { exitCode: terminated.exitCode, reason: terminated.reason }).toEqual(end);
		expect(await log(fleet)).toBe(says);
	});

	it("describes what a container takes, from its start on", async () => {
		const fleet = await running(
			"  usage: { cpu: 0s=100m 60s=100m 60s=500m, memory: 0s=10Mi 100s=110Mi }\n  programs: [{ path: /app }]\n",
			100_000,
		);
		const used = fleet.fleet.usage.podUsage("default", "a");
		expect(used?.containers.map(({ cpuNanoCores, memoryBytes }) => [cpuNanoCores / 1e6, Math.round(memoryBytes / 2 ** 20)])).toEqual([
			[500, 100],
		]);
	});

	it("describes a program that outgrows its limit: it is killed, and starts small again", async () => {
		const fleet = await running("  usage: { memory: 0s=10Mi 100s=110Mi }\n  programs: [{ path: /app }]\n", 49_000, {
			resources: { limits: { memory: "60Mi" } },
		});
		expect((await stateOf(fleet))?.running).toBeDefined();
		await fleet.clock.advance(3_000);
		expect((await stateOf(fleet))?.terminated).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
	});

	it("is refused with everything that is wrong with it", async () => {
		const file = `
apiVersion: kubesim.dev/v1alpha1
kind: Image
metadata: { name: "example.com/app:v1" }
spec:
  base: windows
  size: big
  usage: { cpu: many }
  files: [{ path: here, content: 1 }]
  programs:
    - path: /app
      exit: { after: soon, code: 300 }
      listen: [{ port: 0, http: [{ status: 99 }] }]
      signals: [{ name: KILL }]
---
apiVersion: kubesim.dev/v1alpha1
kind: Registry
metadata: { name: "a b" }
spec: { scheme: ftp, bandwidth: "0", accounts: [{ username: jane }] }
---
apiVersion: v1
kind: Pod
metadata: { name: a }
`;
		const error = await readImageFile(file).catch((caught: unknown) => caught);
		expect(error).toBeInstanceOf(ImageFileError);
		expect((error as Error).message.split("\n")).toEqual([
			'Image example.com/app:v1: metadata.name: Invalid value: "example.com/app:v1": must be a repository; tags are in spec.tags',
			'Image example.com/app:v1: spec.base: Unsupported value: "windows": supported values: "alpine", "busybox", "debian", "scratch"',
			"Image example.com/app:v1: spec.files[0].content: Invalid value: 1: must be a string",
			"Image example.com/app:v1: spec.programs[0].listen[0].port: Invalid value: 0: must be between 1 and 65535",
			"Image example.com/app:v1: spec.programs[0].listen[0].http[0].status: Invalid value: 99: must be between 200 and 599",
			"Image example.com/app:v1: spec.programs[0].listen[0].http[0].path: Required value",
			'Image example.com/app:v1: spec.programs[0].signals[0].name: Invalid value: "KILL": no signal that a program can handle',
			'Image example.com/app:v1: spec.programs[0].exit.after: Invalid value: "soon": must be a duration, such as "1m30s"',
			"Image example.com/app:v1: spec.programs[0].exit.code: Invalid value: 300: must be between 0 and 255",
			'Image example.com/app:v1: spec: Invalid value: "here": a path in the image must begin with /',
			"Image example.com/app:v1: spec.size: Invalid value: \"big\": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
			'Image example.com/app:v1: spec.usage.cpu: Invalid value: "many": "many" is not a quantity',
			'Registry a b: spec.scheme: Unsupported value: "ftp": supported values: "https", "http"',
			"Registry a b: spec.bandwidth: Invalid value: must be greater than zero",
			"Registry a b: spec.accounts[0].password: Required value",
			'Registry a b: metadata.name: Invalid value: "a b": must be HOST or HOST:PORT',
			'Pod a: no kind "Pod" of "v1": Image and Registry of kubesim.dev/v1alpha1 are known',
		]);
	});

	it.each([
		[
			"apiVersion: kubesim.dev/v1alpha1\nkind: Image\nmetadata: { name: a.b/c }\nspec: { tag: [x] }\n",
			'Image a.b/c: strict decoding error: unknown field "spec.tag"',
		],
		["", "there is nothing in it"],
		["a: [", "Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 5:\n\na: [\n    ^\n"],
	])("is refused: %j", async (text, message) => {
		await expect(readImageFile(text)).rejects.toThrow(message);
	});
});
