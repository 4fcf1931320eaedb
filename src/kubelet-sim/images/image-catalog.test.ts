import { afterEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import { secrets } from "../../client/resources.ts";
import { Collector } from "../../host/index.ts";
import { latencyModel } from "../latency.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { ImageCatalog } from "./image-catalog.ts";
import { readImageFile } from "./image-file.ts";
import { parseImageReference } from "./reference.ts";
import type { RegistryAccount, RegistryOptions } from "./registry-options.ts";

function referenceOf(text: string) {
	const reference = parseImageReference(text);
	if ("error" in reference) throw new Error(reference.error);
	return reference;
}

function pull(catalog: ImageCatalog, text: string, accounts: readonly RegistryAccount[] = [], allowsPlainHttp = false): string {
	const answer = catalog.pull({ reference: referenceOf(text), accounts, allowsPlainHttp });
	return "error" in answer ? answer.error.replace(/^.*failed to resolve reference "[^"]*": /, "") : answer.imageId.replace(/@.*/, "");
}

const jane = { username: "jane", password: "secret" };
const host = "reg.example.com:5000";
const url = `https://${host}/v2/team/app/manifests/v1`;

const registries: readonly (readonly [
	what: string,
	options: Omit<RegistryOptions, "host">,
	accounts: readonly RegistryAccount[],
	allowsPlainHttp: boolean,
	answer: string,
])[] = [
	["everybody may pull", {}, [], false, `${host}/team/app`],
	[
		"nobody is known",
		{ accounts: [jane] },
		[],
		false,
		"pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
	],
	[
		"the password is wrong",
		{ accounts: [jane] },
		[{ ...jane, password: "x" }],
		false,
		`unexpected status from HEAD request to ${url}: 401 Unauthorized`,
	],
	["the second account is right", { accounts: [jane] }, [{ ...jane, password: "x" }, jane], false, `${host}/team/app`],
	["it speaks HTTP", { scheme: "http" }, [], false, `failed to do request: Head "${url}": http: server gave HTTP response to HTTPS client`],
	["it speaks HTTP, and so does the node", { scheme: "http" }, [], true, `${host}/team/app`],
	[
		"nobody answers",
		{ reachable: false },
		[],
		false,
		`failed to do request: Head "${url}": dial tcp: lookup reg.example.com on 172.18.0.1:53: no such host`,
	],
	["it has nothing", { contents: "known" }, [], false, `${host}/team/app:v1: not found`],
];

describe("a registry", () => {
	it.each(registries)("%s", (_, options, accounts, allowsPlainHttp, answer) => {
		expect(pull(new ImageCatalog({ registries: [{ host, ...options }] }), `${host}/team/app:v1`, accounts, allowsPlainHttp)).toBe(answer);
	});

	it("takes as long as its connection and the image say", () => {
		const catalog = new ImageCatalog({ registries: [{ host, latencyMs: 500, bytesPerSecond: 1_000_000 }] });
		const reference = referenceOf(`${host}/team/app:v1`);
		const { image } = catalog.known(reference);
		const random = new SeededRandom("pull");
		expect(catalog.pullMs(reference, { ...image, sizeBytes: 3_000_000 }, latencyModel("none"), random)).toBe(3_500);
		expect(catalog.pullMs(referenceOf("nginx"), image, latencyModel("none"), random)).toBe(0);
	});
});

const shop = (greeting: string) => `apiVersion: kubesim.dev/v1alpha1
kind: Image
metadata: { name: ${host}/shop }
spec:
  tags: ["1"]
  files: [{ path: /greeting, content: ${greeting} }]
  cmd: [sh, -c, cat /greeting]
`;

let harness: FleetHarness | undefined;

afterEach(() => harness?.stop());

async function started(catalog: ImageCatalog): Promise<FleetHarness> {
	harness = new FleetHarness({ images: catalog });
	await harness.start();
	return harness;
}

async function log(fleet: FleetHarness, pod: string): Promise<string> {
	const output = new Collector();
	const target = { namespace: "default", pod, container: "c", node: "n1" };
	await fleet.fleet.connector.logs(
		target,
		{ follow: false, previous: false, timestamps: false },
		async (chunk) => output.write(chunk),
		new AbortController().signal,
	);
	return output.text();
}

describe("a node that pulls", () => {
	it("shows what the pod's imagePullSecrets say, and tells which are not there", async () => {
		const catalog = new ImageCatalog({ registries: [{ host, accounts: [jane] }] });
		const fleet = await started(catalog);
		const image = `${host}/team/app:v1`;
		await fleet.pod("a", { image }, { imagePullSecrets: [{ name: "regcred" }] });
		await fleet.clock.advance(1_000);
		expect((await fleet.events("a")).slice(0, 3)).toEqual([
			"Warning FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.",
			`Normal Pulling Pulling image "${image}"`,
			`Warning Failed Failed to pull image "${image}": rpc error: code = Unknown desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials`,
		]);
		const config = { auths: { [host]: { auth: Buffer.from("jane:secret").toString("base64") } } };
		await fleet.client.resource(secrets).create({
			apiVersion: "v1",
			kind: "Secret",
			metadata: { name: "regcred", namespace: "default" },
			type: "kubernetes.io/dockerconfigjson",
			data: { ".dockerconfigjson": Buffer.from(JSON.stringify(config)).toString("base64") },
		});
		await fleet.clock.advance(60_000);
		expect((await fleet.get("a")).status?.phase).toBe("Running");
	});

	it("asks over plain HTTP once its runtime's hosts.toml says so", async () => {
		const fleet = await started(new ImageCatalog({ registries: [{ host, scheme: "http" }] }));
		const image = `${host}/team/app:v1`;
		await fleet.pod("a", { image });
		await fleet.clock.advance(1_000);
		const waiting = (await fleet.get("a")).status?.containerStatuses?.[0]?.state?.waiting;
		expect(waiting?.message).toContain("http: server gave HTTP response to HTTPS client");
		const files = fleet.fleet.filesOf("n1");
		files?.mkdir(`/etc/containerd/certs.d/${host}`, { recursive: true });
		files?.writeFile(`/etc/containerd/certs.d/${host}/hosts.toml`, `server = "http://${host}"\n`);
		await fleet.clock.advance(60_000);
		expect((await fleet.get("a")).status?.phase).toBe("Running");
	});

	it("keeps an image that it has until it is told to look again", async () => {
		const catalog = new ImageCatalog(await readImageFile(shop("old")));
		const fleet = await started(catalog);
		const image = `${host}/shop:1`;
		const run = async (name: string, imagePullPolicy: string) => {
			await fleet.pod(name, { image, imagePullPolicy }, { restartPolicy: "Never" });
			await fleet.clock.advance(1_000);
			return [await log(fleet, name), (await fleet.get(name)).status?.containerStatuses?.[0]?.imageID ?? ""];
		};
		const [first, firstId] = await run("a", "IfNotPresent");
		for (const changed of (await readImageFile(shop("new"))).images) catalog.load(changed);
		const [kept, keptId] = await run("b", "IfNotPresent");
		const [fresh, freshId] = await run("c", "Always");
		expect([first, kept, fresh]).toEqual(["old", "old", "new"]);
		expect(keptId).toBe(firstId);
		expect(freshId).not.toBe(firstId);
	});

	it("does not find a tag that the image lacks", async () => {
		const catalog = new ImageCatalog(await readImageFile(shop("x")));
		expect(pull(catalog, `${host}/shop:2`)).toBe(`${host}/shop:2: not found`);
	});
});
