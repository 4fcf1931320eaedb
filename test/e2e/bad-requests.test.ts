/**
 * What a cluster says to requests that are wrong, with kubectl and without: code, reason and text are those of
 * kube-apiserver 1.36, and nothing is stored.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { loadOrCreatePki } from "../../src/apiserver/pki/pki.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { post, type RawRequest, refusal, send } from "../tools/https.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";

let cluster: TestCluster;
/** Keys of the store before the tests. */
let before: readonly string[];

/** What is in the store, without what comes by itself. */
const keys = async () => [...(await cluster.cluster.dump()).keys()].filter((key) => !/^\/registry\/(events|leases)\//.test(key));

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 1 });
	await cluster.kubectl.run("wait --for=create configmap/kube-root-ca.crt");
	before = await keys();
});
afterEach(async () => expect(await keys()).toEqual(before));
afterAll(() => cluster[Symbol.asyncDispose]());

const create = (manifest: string, ...flags: string[]) => cluster.kubectl.fail(["create", ...flags, "-f", "-"], manifest);

const deployment = (spec: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: bad }
spec: ${spec}
`;
const template = (labels: string, container = "{ name: web, image: nginx }") =>
	`{ metadata: { labels: ${labels} }, spec: { containers: [${container}] } }`;

describe("manifests", () => {
	it("with unknown fields are refused, all of them named", async () => {
		const manifest = deployment(
			`{ replica: 2, selector: { matchLabels: { app: a } }, template: ${template("{ app: a }", "{ name: web, image: nginx, imagePullpolicy: Always }")} }`,
		);
		const text =
			'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replica", unknown field "spec.template.spec.containers[0].imagePullpolicy"\n';
		expect(await create(manifest)).toBe(`Error from server (BadRequest): error when creating "STDIN": ${text}`);
		expect(await cluster.kubectl.fail("apply -f -", manifest)).toBe(`Error from server (BadRequest): error when creating "STDIN": ${text}`);
	});

	it("with unknown fields are warned of under --validate=warn", async () => {
		const { stdout, stderr } = await cluster.kubectl.try(
			["create", "--validate=warn", "--dry-run=server", "-f", "-"],
			"{ apiVersion: v1, kind: ConfigMap, metadata: { name: odd }, date: {} }",
		);
		expect(stdout).toBe("configmap/odd created (server dry run)\n");
		expect(stderr).toBe('Warning: unknown field "date"\n');
	});

	it.each([
		[
			"wrong types",
			deployment(`{ replicas: two, selector: { matchLabels: { app: a } }, template: ${template("{ app: a }")} }`),
			'Error from server (BadRequest): error when creating "STDIN": Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32\n',
		],
		[
			"no spec",
			"{ apiVersion: apps/v1, kind: Deployment, metadata: { name: bad } }",
			'The Deployment "bad" is invalid: \n* spec.selector: Required value\n* spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`\n* spec.template.spec.containers: Required value\n',
		],
		[
			"a selector that does not match",
			deployment(`{ selector: { matchLabels: { app: a } }, template: ${template("{ app: b }")} }`),
			'The Deployment "bad" is invalid: spec.template.metadata.labels: Invalid value: {"app":"b"}: `selector` does not match template `labels`\n',
		],
		[
			"no containers",
			"{ apiVersion: v1, kind: Pod, metadata: { name: bad } }",
			'The Pod "bad" is invalid: spec.containers: Required value\n',
		],
		[
			"no ports",
			"{ apiVersion: v1, kind: Service, metadata: { name: bad } }",
			'The Service "bad" is invalid: spec.ports: Required value\n',
		],
		[
			"an invalid name",
			"{ apiVersion: v1, kind: ConfigMap, metadata: { name: Bad_Name } }",
			`The ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n`,
		],
		[
			"no namespace of that name",
			"{ apiVersion: v1, kind: ConfigMap, metadata: { name: lost, namespace: nowhere } }",
			'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found\n',
		],
		[
			"an unknown kind",
			"{ apiVersion: v1, kind: Nonsense, metadata: { name: bad } }",
			'error: resource mapping not found for name: "bad" namespace: "" from "STDIN": no matches for kind "Nonsense" in version "v1"\nensure CRDs are installed first\n',
		],
	])("with %s", async (_, manifest, text) => {
		expect(await create(manifest)).toBe(text);
	});

	it("of a bad and a good object: the good one is created", async () => {
		const { stdout, stderr, exitCode } = await cluster.kubectl.try(
			["create", "-f", "-"],
			"apiVersion: v1\nkind: ConfigMap\nmetadata: { name: good }\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: bad }\n",
		);
		expect(exitCode).toBe(1);
		expect(stdout).toBe("configmap/good created\n");
		expect(stderr).toBe('The Pod "bad" is invalid: spec.containers: Required value\n');
		await cluster.run("delete configmap good");
	});
});

describe("bodies", () => {
	const bad = (reason: string, message: string, code = 400) => ({ code, reason, message });

	it.each<[string, string, RawRequest, ReturnType<typeof bad>]>([
		[
			"broken JSON",
			configMaps,
			post('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},'),
			bad(
				"BadRequest",
				'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: unexpected end of JSON input ({"apiVersion":"v1","kind":"Con ...)',
			),
		],
		[
			"nothing",
			configMaps,
			post(""),
			bad(
				"BadRequest",
				"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
			),
		],
		[
			"no fields at all",
			configMaps,
			post("{}"),
			bad("Invalid", 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required', 422),
		],
		[
			"another kind",
			configMaps,
			post({ apiVersion: "v1", kind: "Secret", metadata: { name: "x" } }),
			bad("BadRequest", 'Secret in version "v1" cannot be handled as a ConfigMap: converting (Secret) to (ConfigMap): unknown conversion'),
		],
		[
			"another version",
			"/apis/apps/v1/namespaces/default/deployments",
			post({ apiVersion: "apps/v1beta1", kind: "Deployment", metadata: { name: "x" } }),
			bad("BadRequest", "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)"),
		],
		[
			"another namespace",
			configMaps,
			post({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", namespace: "kube-system" } }),
			bad("BadRequest", "the namespace of the provided object does not match the namespace sent on the request"),
		],
		[
			"duplicate and unknown fields under strict validation",
			`${configMaps}?fieldValidation=Strict`,
			post('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","name":"y"},"data":{"a":"1","a":"2"},"more":1}'),
			bad(
				"BadRequest",
				'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "more", duplicate field "metadata.name", duplicate field "data.a"',
			),
		],
		[
			"a string for a list",
			pods,
			post({ apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { containers: "nginx" } }),
			bad(
				"BadRequest",
				'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container',
			),
		],
		[
			"a content type that is not served",
			configMaps,
			{ method: "POST", headers: { "content-type": "text/plain" }, body: "hello" },
			bad(
				"UnsupportedMediaType",
				"the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
				415,
			),
		],
		[
			"a patch of a type that is not served",
			`${configMaps}/kube-root-ca.crt`,
			{ method: "PATCH", headers: { "content-type": "application/json" }, body: "{}" },
			bad(
				"UnsupportedMediaType",
				"the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
				415,
			),
		],
	])("of %s", async (_, path, request, expected) => {
		expect(await refusal(cluster, path, request)).toEqual(expected);
	});

	it("of duplicate fields are warned of where nobody asks to be strict", async () => {
		const { code, headers } = await send(
			cluster,
			`${configMaps}?dryRun=All`,
			post('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1","a":"2"}}'),
		);
		expect(code).toBe(201);
		expect(headers.warning).toBe('299 - "duplicate field \\"data.a\\""');
	});
});

describe("large objects", () => {
	const kilobytes = (count: number) => "a".repeat(count * 1024);
	const pod = (sizeKilobytes: number) => ({
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name: "large" },
		spec: { containers: [{ name: "main", image: "nginx", args: [kilobytes(sizeKilobytes)] }] },
	});

	it("of 4 MB do not get in", async () => {
		expect(await refusal(cluster, pods, post(pod(4096)))).toEqual({
			code: 413,
			reason: "RequestEntityTooLarge",
			message: "Request entity too large: limit is 3145728",
		});
		expect(await create(JSON.stringify(pod(4096)))).toBe(
			'Error from server (RequestEntityTooLarge): error when creating "STDIN": Request entity too large: limit is 3145728\n',
		);
	});

	it.each([1600, 2900])("of %d kB are too large for etcd", async (size) => {
		expect(await refusal(cluster, pods, post(pod(size)))).toEqual({
			code: 500,
			reason: undefined,
			message: "etcdserver: request is too large",
		});
	});

	it("of 1 MB may not be a config map", async () => {
		const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "large" }, data: { text: kilobytes(1025) } };
		expect((await refusal(cluster, configMaps, post(map))).message).toBe(
			'ConfigMap "large" is invalid: []: Too long: may not be more than 1048576 bytes',
		);
	});
});

describe("requests", () => {
	const notFound = { code: 404, reason: "NotFound", message: "the server could not find the requested resource" };
	const notAllowed = { code: 405, reason: "MethodNotAllowed", message: "the server does not allow this method on the requested resource" };
	const badRequest = (message: string) => ({ code: 400, reason: "BadRequest", message });

	it.each([
		["PUT", configMaps, notAllowed],
		["POST", `${configMaps}/x`, notAllowed],
		["DELETE", "/api/v1/nodes/node-1/status", notAllowed],
		["DELETE", "/api/v1/namespaces", notAllowed],
		["OPTIONS", configMaps, notAllowed],
		["SEARCH", configMaps, notAllowed],
		["GET", "/api/v1/nonsense", notFound],
		["GET", "/api/v2/pods", notFound],
		["GET", "/apis/apps/v9/deployments", notFound],
		["GET", "/apis/nonsense.example.com/v1/things", notFound],
		["GET", `${pods}/absent`, { code: 404, reason: "NotFound", message: 'pods "absent" not found' }],
		["GET", "/apis/apps/v1/namespaces/default/deployments/absent", { ...notFound, message: 'deployments.apps "absent" not found' }],
		["DELETE", `${pods}/absent`, { ...notFound, message: 'pods "absent" not found' }],
		["GET", `${configMaps}?labelSelector=a%3D(`, badRequest("unable to parse requirement: found '(', expected: identifier")],
		[
			"GET",
			`${configMaps}?fieldSelector=colour%3Dblue`,
			badRequest('"colour" is not a known field selector: only "metadata.name", "metadata.namespace"'),
		],
		["GET", `${configMaps}?fieldSelector=colour`, badRequest("invalid selector: 'colour'; can't understand 'colour'")],
		["GET", `${configMaps}?limit=many`, badRequest('strconv.ParseInt: parsing "many": invalid syntax')],
		[
			"GET",
			`${configMaps}?continue=xyz`,
			badRequest("invalid continue token: continue key is not valid: invalid character 'Ç' looking for beginning of value"),
		],
		[
			"GET",
			`${configMaps}?resourceVersion=abc`,
			badRequest('invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'),
		],
		[
			"GET",
			`${configMaps}?watch=1&resourceVersion=-1`,
			badRequest('invalid resource version: resourceVersion: Invalid value: "-1": strconv.ParseUint: parsing "-1": invalid syntax'),
		],
		["GET", `${pods}/absent/exec`, badRequest("Upgrade request required")],
	])("%s %s", async (method, path, expected) => {
		expect(await refusal(cluster, path, { method })).toEqual(expected);
	});

	it("that accept nothing the server has", async () => {
		expect(await refusal(cluster, configMaps, { headers: { accept: "text/html" } })).toEqual({
			code: 406,
			reason: "NotAcceptable",
			message: "only the following media types are accepted: application/json, application/yaml",
		});
	});

	it("for a revision that is still to come", async () => {
		const { code, headers, text } = await send(cluster, `${configMaps}?resourceVersion=99999999`);
		const status = JSON.parse(text) as { readonly message: string; readonly details: unknown };
		expect(code).toBe(504);
		expect(status.message).toMatch(/^Timeout: Too large resource version: 99999999, current: \d+$/);
		expect(status.details).toEqual({
			causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
			retryAfterSeconds: 1,
		});
		expect(headers["retry-after"]).toBe("1");
	});

	it("for a page that a forged token puts elsewhere", async () => {
		const token = Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: 1, start: "../../" })).toString("base64url");
		expect((await refusal(cluster, `${configMaps}?limit=1&continue=${token}`)).message).toBe(
			"invalid continue token: continue key is not valid: ../../",
		);
	});

	it("for paths outside the API", async () => {
		expect(await send(cluster, "/nonsense")).toMatchObject({ code: 404, text: "404 page not found\n" });
		expect(await cluster.kubectl.fail("get --raw /nonsense")).toBe(
			"Error from server (NotFound): the server could not find the requested resource\n",
		);
	});
});

describe("callers", () => {
	const anonymous = { credentials: "none" } as const;

	it("without credentials may look at health and version, and at nothing else", async () => {
		expect(await send(cluster, "/livez", anonymous)).toMatchObject({ code: 200, text: "ok" });
		expect((await send(cluster, "/version", anonymous)).code).toBe(200);
		expect(await refusal(cluster, "/api/v1/pods", anonymous)).toEqual({
			code: 403,
			reason: "Forbidden",
			message: 'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
		});
		expect(await refusal(cluster, `${configMaps}/x`, { ...anonymous, method: "DELETE" })).toEqual({
			code: 403,
			reason: "Forbidden",
			message:
				'configmaps "x" is forbidden: User "system:anonymous" cannot delete resource "configmaps" in API group "" in the namespace "default"',
		});
		expect((await refusal(cluster, "/metrics", anonymous)).message).toBe('forbidden: User "system:anonymous" cannot get path "/metrics"');
	});

	it("without credentials learn it before anything about their body", async () => {
		expect((await refusal(cluster, configMaps, { ...post("{"), ...anonymous })).code).toBe(403);
	});

	it("with a token that is nobody's", async () => {
		expect(await refusal(cluster, pods, { ...anonymous, headers: { authorization: "Bearer nonsense" } })).toEqual({
			code: 401,
			reason: "Unauthorized",
			message: "Unauthorized",
		});
		expect(
			await cluster.kubectl.fail([
				"--kubeconfig",
				"/dev/null",
				"--server",
				cluster.url,
				"--insecure-skip-tls-verify",
				"--token",
				"nonsense",
				"get",
				"pods",
			]),
		).toBe("error: You must be logged in to the server (Unauthorized)\n");
	});

	it("with a certificate of another authority", async () => {
		const { admin } = await loadOrCreatePki(undefined, { nowMs: Date.now() });
		expect(await refusal(cluster, pods, { credentials: { clientCertificate: admin.cert, clientKey: admin.key } })).toEqual({
			code: 401,
			reason: "Unauthorized",
			message: "Unauthorized",
		});
	});

	it("who act as somebody that may nothing", async () => {
		expect(await cluster.kubectl.fail("get pods --as jane")).toBe(
			'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"\n',
		);
	});
});
