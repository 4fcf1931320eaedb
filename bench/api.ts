/**
 * The API through HTTPS, as clients outside the process meet it: creates, reads, lists, watches and applies. The server is
 * a process of its own; how much of a processor a request takes is the steadier figure on a machine that is not idle.
 */
import { ChildServer } from "./child-server.ts";
import { Connection, openWatch, requestBytes } from "./keep-alive-client.ts";
import { type Measurement, timeMs } from "./measure.ts";

const connections = 32;
const warmUps = 1_000;
const creates = 5_000;
const reads = 10_000;
const applies = 2_500;
const pods = 10_000;
const watchers = 1_000;

const configMaps = "/api/v1/namespaces/default/configmaps";
const deployments = "/apis/apps/v1/namespaces/default/deployments";

/** Figures of one run by name. */
type Figures = Readonly<Record<string, number>>;

interface Load {
	readonly count: number;
	readonly status: number;
	request(index: number): Buffer;
}

/** Each connection has one request under way; a fifth of the requests, and at most two thousand, warm the server up. */
async function measureLoad(server: ChildServer, name: string, { count, status, request }: Load): Promise<Figures> {
	const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(server.endpoint)));
	const latenciesMs: number[] = [];
	let next = 0;
	const sendUntil = async (connection: Connection, end: number) => {
		while (next < end) {
			const start = performance.now();
			const answer = await connection.send(request(next++));
			latenciesMs.push(performance.now() - start);
			if (answer.status !== status) throw new Error(`${name}: HTTP ${answer.status}`);
		}
	};
	const first = Math.min(warmUps, count / 5);
	await Promise.all(open.map((connection) => sendUntil(connection, first)));
	latenciesMs.length = 0;
	const before = await server.usage();
	const ms = await timeMs(() => Promise.all(open.map((connection) => sendUntil(connection, first + count))));
	const after = await server.usage();
	for (const connection of open) connection.close();
	latenciesMs.sort((a, b) => a - b);
	return {
		[`${name}: per second`]: (count / ms) * 1000,
		[`${name}: p99 ms`]: latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? Number.NaN,
		[`${name}: CPU µs`]: ((after.cpuMs - before.cpuMs) / count) * 1000,
	};
}

/** Of about 1 KB. */
function configMap(name: string, text = "x"): string {
	return JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { text: text.repeat(900) } });
}

const create = (index: number) => requestBytes("POST", configMaps, configMap(`object-${index}`));
const read = (index: number) => requestBytes("GET", `${configMaps}/object-${index % creates}`);

/** Configurations of 100 Deployments that do not roll out, each unlike the one before. */
function apply(index: number): Buffer {
	const name = `app-${index % 100}`;
	const labels = { app: name };
	const container = {
		name: "web",
		image: "nginx:1.27",
		ports: [{ containerPort: 80, name: "http" }],
		env: [{ name: "COLOUR", value: "blue" }],
		resources: { requests: { cpu: "10m", memory: "16Mi" } },
	};
	const body = {
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name, labels, annotations: { revision: String(index) } },
		spec: {
			replicas: 0,
			paused: true,
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [container] } },
		},
	};
	return requestBytes(
		"PATCH",
		`${deployments}/${name}?fieldManager=bench&force=true`,
		JSON.stringify(body),
		"application/apply-patch+yaml",
	);
}

/** A pod that waits for a scheduler that is not there, and so is written once. */
function pod(index: number): Buffer {
	const spec = { schedulerName: "none", containers: [{ name: "main", image: "nginx", env: [{ name: "INDEX", value: String(index) }] }] };
	const body = { apiVersion: "v1", kind: "Pod", metadata: { name: `pod-${index}`, labels: { app: `app-${index % 100}` } }, spec };
	return requestBytes("POST", "/api/v1/namespaces/default/pods", JSON.stringify(body));
}

async function measureList(server: ChildServer): Promise<Figures> {
	await measureLoad(server, "fill", { count: pods - warmUps, status: 201, request: pod });
	const connection = await Connection.open(server.endpoint);
	const request = requestBytes("GET", "/api/v1/pods");
	const times: number[] = [];
	let bytes = 0;
	// The first list parses what was only stored.
	await connection.send(request);
	const { rssBytes } = await server.restartPeak();
	for (let index = 0; index < 5; index++) {
		times.push(
			await timeMs(async () => {
				bytes = (await connection.send(request)).bodyBytes;
			}),
		);
	}
	const { peakBytes } = await server.usage();
	connection.close();
	times.sort((a, b) => a - b);
	return { "list: ms": times[2] ?? Number.NaN, "list: MiB": bytes / 2 ** 20, "list: memory by its bytes": (peakBytes - rssBytes) / bytes };
}

async function measureWatchers(server: ChildServer): Promise<Figures> {
	const name = "watched";
	const connection = await Connection.open(server.endpoint);
	await connection.send(requestBytes("POST", configMaps, configMap(name)));
	let left = 0;
	let reached = Promise.withResolvers<void>();
	const onData = (text: string) => {
		if (text.includes('"MODIFIED"') && --left === 0) reached.resolve();
	};
	const path = `${configMaps}?watch=true&fieldSelector=metadata.name%3D${name}`;
	const open: { close(): void }[] = [];
	// In groups, so that handshakes do not time out.
	while (open.length < watchers)
		open.push(...(await Promise.all(Array.from({ length: 50 }, () => openWatch(server.endpoint, path, onData)))));
	const times: number[] = [];
	for (let index = 0; index < 11; index++) {
		left = watchers;
		reached = Promise.withResolvers<void>();
		const request = requestBytes("PUT", `${configMaps}/${name}`, configMap(name, String(index % 10)));
		times.push(await timeMs(() => Promise.all([connection.send(request), reached.promise])));
	}
	for (const { close } of open) close();
	connection.close();
	times.sort((a, b) => a - b);
	return { "watchers: ms": times[5] ?? Number.NaN };
}

async function run(): Promise<Figures> {
	const bare = await measureBare();
	const server = await ChildServer.start("./api-server.ts");
	try {
		return {
			...bare,
			...(await measureLoad(server, "create", { count: creates, status: 201, request: create })),
			...(await measureLoad(server, "get", { count: reads, status: 200, request: read })),
			...(await measureApply(server)),
			...(await measureWatchers(server)),
			...(await measureList(server)),
		};
	} finally {
		await server.stop();
	}
}

/** The same load on Node's HTTPS alone: what no server on top of it can do better. */
async function measureBare(): Promise<Figures> {
	const server = await ChildServer.start("./bare-server.ts");
	try {
		return await measureLoad(server, "bare", { count: reads, status: 200, request: read });
	} finally {
		await server.stop();
	}
}

async function measureApply(server: ChildServer): Promise<Figures> {
	const connection = await Connection.open(server.endpoint);
	for (let index = 0; index < 100; index++) await connection.send(apply(index));
	connection.close();
	return measureLoad(server, "apply", { count: applies, status: 200, request: apply });
}

export async function benchApi(runs: number): Promise<Measurement[]> {
	const figures: Figures[] = [];
	for (let index = 0; index < runs; index++) figures.push(await run());
	const row = (name: string, unit: string, figure: string, promise?: number): Measurement => ({
		name,
		unit,
		values: figures.map((one) => one[figure] ?? Number.NaN),
		...(promise === undefined ? {} : { promise }),
	});
	return [
		row(`HTTPS, ${connections} connections, LevelDB: create a ConfigMap of 1 KB`, "per second", "create: per second", 3000),
		row("… 99th percentile", "ms", "create: p99 ms", 20),
		row("… processor time of the server", "µs", "create: CPU µs"),
		row("get one", "per second", "get: per second", 8000),
		row("… processor time of the server", "µs", "get: CPU µs"),
		row("Node's own HTTPS, for comparison: the same bytes to every request", "per second", "bare: per second"),
		row("… processor time of the server", "µs", "bare: CPU µs"),
		row("apply a Deployment on the server", "per second", "apply: per second", 1500),
		row("… processor time of the server", "µs", "apply: CPU µs"),
		row(`list ${pods} pods`, "ms", "list: ms", 300),
		row("… the list", "MiB", "list: MiB"),
		row("… memory at most, by its bytes", "times", "list: memory by its bytes", 3),
		row(`one update to ${watchers} watchers`, "ms", "watchers: ms", 50),
	];
}
