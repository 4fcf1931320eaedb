/** Webhooks end to end: an API server, and a webhook server of the test's own behind real TLS. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../../../apimachinery/clock/wall-clock.ts";
import type { JsonObject } from "../../../apimachinery/json.ts";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { ConfigMap } from "../../../apimachinery/schema/generated/types.ts";
import { StatusError } from "../../../apimachinery/status-error.ts";
import { admin, type ResourceDriver, type ServerFixture, startServer } from "../../testing.ts";
import { sendJson, WebhookServer } from "../../webhooks/webhook-server.test-kit.ts";

interface Review {
	readonly request: JsonObject & {
		readonly uid: string;
		readonly name?: string;
		readonly operation: string;
		readonly object: (KubeObject & { readonly data?: object }) | null;
	};
}

let fixture: ServerFixture;
let hook: WebhookServer;
/** Reviews that came to a path, oldest first. */
let reviews: { readonly path: string; readonly request: Review["request"] }[];
/** What is answered to a review of a path; default: allowed. */
let answers: Record<string, (request: Review["request"]) => object>;
let configMaps: ResourceDriver;
let machine: VirtualClock;

beforeEach(async () => {
	machine = new VirtualClock(new WallClock().now());
	fixture = await startServer({ outside: { clock: machine } });
	reviews = [];
	answers = {};
	hook = await WebhookServer.start(({ path, body }, response) => {
		const { request } = JSON.parse(body) as Review;
		const name = path.split("?")[0]?.slice(1) ?? "";
		reviews.push({ path: name, request });
		sendJson(response, {
			kind: "AdmissionReview",
			apiVersion: "admission.k8s.io/v1",
			response: { uid: request.uid, allowed: true, ...answers[name]?.(request) },
		});
	});
	configMaps = fixture.resource("", "v1", "configmaps");
});

afterEach(async () => {
	fixture.server.stop();
	await hook[Symbol.asyncDispose]();
});

const patchOf = (...operations: readonly object[]) => ({
	patchType: "JSONPatch",
	patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
});
const rulesFor = (resources: readonly string[], operations: readonly string[] = ["*"], groups = [""], versions = ["v1"]) => [
	{ operations, apiGroups: groups, apiVersions: versions, resources },
];

function configure(kind: "Mutating" | "Validating", name: string, ...webhooks: readonly object[]): Promise<KubeObject> {
	return fixture.clusterResource("admissionregistration.k8s.io", "v1", `${kind.toLowerCase()}webhookconfigurations`).send("create", {
		body: {
			metadata: { name },
			webhooks: webhooks.map((webhook) => ({
				name: `${name}.example.com`,
				admissionReviewVersions: ["v1"],
				sideEffects: "None",
				clientConfig: { url: `${hook.url}/${name}`, caBundle: hook.caBundle },
				rules: rulesFor(["configmaps"]),
				...webhook,
			})),
		},
	});
}

const configMap = (name: string, fields: object = {}) => ({ body: { metadata: { name, ...fields }, data: { a: "1" } } });

describe("a review", () => {
	it("tells all there is to know of a create", async () => {
		await configure("Validating", "judge", {});
		await configMaps.send("create", {
			...configMap("c", { labels: { x: "y" } }),
			options: { fieldManager: "me", fieldValidation: "Strict" },
		});
		const [{ request } = { request: undefined }] = reviews;
		expect(request).toEqual({
			uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
			kind: { group: "", version: "v1", kind: "ConfigMap" },
			resource: { group: "", version: "v1", resource: "configmaps" },
			requestKind: { group: "", version: "v1", kind: "ConfigMap" },
			requestResource: { group: "", version: "v1", resource: "configmaps" },
			name: "c",
			namespace: "default",
			operation: "CREATE",
			userInfo: { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] },
			object: expect.objectContaining({ kind: "ConfigMap", apiVersion: "v1", data: { a: "1" } }),
			oldObject: null,
			dryRun: false,
			options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1", fieldManager: "me", fieldValidation: "Strict" },
		});
		expect(hook.seen[0]?.body.startsWith('{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":')).toBe(true);
	});

	it("tells both states of an update, and the old one of a deletion", async () => {
		await configMaps.send("create", configMap("c"));
		await configure("Validating", "judge", {});
		await configMaps.send("update", { name: "c", body: { metadata: { name: "c" }, data: { a: "2" } } });
		await configMaps.send("patch", { name: "c", body: { data: { a: "3" } }, patchType: "application/merge-patch+json" });
		await configMaps.send("delete", { name: "c", deleteOptions: { propagationPolicy: "Background" } });
		const data = (value: unknown) => (value as ConfigMap | null)?.data?.a ?? null;
		expect(reviews.map(({ request }) => [request.operation, data(request.oldObject), data(request.object), request.options])).toEqual([
			["UPDATE", "1", "2", { kind: "UpdateOptions", apiVersion: "meta.k8s.io/v1" }],
			["UPDATE", "2", "3", { kind: "UpdateOptions", apiVersion: "meta.k8s.io/v1" }],
			["DELETE", "3", null, { kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1", propagationPolicy: "Background" }],
		]);
	});

	it("shows a mutating webhook a new object without what the server gives it later", async () => {
		await configure("Mutating", "change", {});
		const body = { metadata: { generateName: "c-" }, data: {} };
		const created = await configMaps.send("create", { body });
		const { metadata } = reviews[0]?.request.object ?? {};
		expect(reviews[0]?.request.name).toBeUndefined();
		expect(metadata).toMatchObject({ generateName: "c-", namespace: "default" });
		expect(Object.keys(metadata ?? {})).not.toEqual(expect.arrayContaining(["name"]));
		expect(metadata?.uid ?? metadata?.creationTimestamp).toBeUndefined();
		expect(created.metadata?.name).toMatch(/^c-\w{5}$/);
	});

	it("is of the version that the rule names, if the request's own matches none", async () => {
		const rules = rulesFor(["horizontalpodautoscalers"], ["CREATE"], ["autoscaling"], ["v1"]);
		await configure("Validating", "equivalent", { rules });
		await configure("Validating", "exact", { rules, matchPolicy: "Exact" });
		const spec = {
			scaleTargetRef: { kind: "Deployment", name: "web", apiVersion: "apps/v1" },
			maxReplicas: 3,
			metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } }],
		};
		await fixture.resource("autoscaling", "v2", "horizontalpodautoscalers").send("create", { body: { metadata: { name: "h" }, spec } });
		expect(reviews.map(({ path }) => path)).toEqual(["equivalent"]);
		expect(reviews[0]?.request).toMatchObject({
			kind: { group: "autoscaling", version: "v1", kind: "HorizontalPodAutoscaler" },
			requestKind: { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler" },
			resource: { version: "v1" },
			requestResource: { version: "v2" },
			object: { apiVersion: "autoscaling/v1", spec: { targetCPUUtilizationPercentage: 70 } },
		});
	});

	it("is made for subresources that are asked for, with their own kinds", async () => {
		await configure("Validating", "scales", { rules: rulesFor(["deployments/scale"], ["*"], ["apps"]) });
		const deployments = fixture.resource("apps", "v1", "deployments");
		const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "nginx" }] } };
		await deployments.send("create", { body: { metadata: { name: "web" }, spec: { selector: { matchLabels: { a: "b" } }, template } } });
		await deployments.send("update", { name: "web", subresource: "scale", body: { metadata: { name: "web" }, spec: { replicas: 3 } } });
		expect(reviews).toHaveLength(1);
		expect(reviews[0]?.request).toMatchObject({
			kind: { group: "autoscaling", version: "v1", kind: "Scale" },
			resource: { group: "apps", version: "v1", resource: "deployments" },
			subResource: "scale",
			requestSubResource: "scale",
			object: { spec: { replicas: 3 } },
			oldObject: { spec: { replicas: 1 } },
		});
	});

	it("is made of a stream's options", async () => {
		await configure("Validating", "streams", { rules: rulesFor(["pods/exec"], ["CONNECT"]) });
		answers.streams = () => ({ allowed: false, status: { message: "no shells" } });
		const request = {
			verb: "create",
			group: "",
			version: "v1",
			resource: "pods",
			subresource: "exec",
			namespace: "default",
			name: "p",
		} as const;
		const admitted = fixture.server.admitConnect(admin, request, "PodExecOptions", { command: ["sh"], stdin: true });
		await expect(admitted).rejects.toThrow('admission webhook "streams.example.com" denied the request: no shells');
		expect(reviews[0]?.request).toMatchObject({
			operation: "CONNECT",
			kind: { group: "", version: "v1", kind: "PodExecOptions" },
			subResource: "exec",
			name: "p",
			object: { kind: "PodExecOptions", apiVersion: "v1", command: ["sh"], stdin: true },
			oldObject: null,
			options: null,
		});
	});

	it("is made in the old version for webhooks that know no other", async () => {
		await configure("Validating", "old", { admissionReviewVersions: ["v0", "v1beta1"] });
		await configMaps.send("create", configMap("c"));
		expect(hook.seen[0]?.body).toContain('"apiVersion":"admission.k8s.io/v1beta1"');
	});

	it("is never made of the configurations of webhooks", async () => {
		await configure("Validating", "all", { rules: rulesFor(["*"], ["*"], ["*"], ["*"]) });
		answers.all = () => ({ allowed: false });
		await fixture.clusterResource("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations").send("delete", { name: "all" });
		expect(reviews).toEqual([]);
	});
});

describe("a refusal", () => {
	const refusal = async (status: object | undefined): Promise<StatusError> => {
		answers.judge = () => ({ allowed: false, ...(status === undefined ? {} : { status }) });
		const sent = configMaps.send("create", configMap("c"));
		const error = await sent.then(
			() => undefined,
			(reason: unknown) => reason,
		);
		if (!(error instanceof StatusError)) throw new Error(`not refused: ${String(error)}`);
		return error;
	};

	it.each<readonly [status: object | undefined, code: number, reason: string | undefined, message: string]>([
		[undefined, 400, undefined, "without explanation"],
		[{ message: "not today" }, 400, undefined, ": not today"],
		[{ reason: "Forbidden" }, 400, "Forbidden", ": Forbidden"],
		[{ message: "no", code: 403, reason: "Forbidden" }, 403, "Forbidden", ": no"],
		[{ message: "fine", code: 200, status: "Success" }, 400, undefined, ": fine"],
	])("of %j", async (status, code, reason, message) => {
		await configure("Validating", "judge", {});
		const error = await refusal(status);
		const space = message.startsWith(":") ? "" : " ";
		expect(error.message).toBe(`admission webhook "judge.example.com" denied the request${space}${message}`);
		expect(error.status).toMatchObject({ kind: "Status", status: "Failure", code });
		expect(error.status.reason).toBe(reason);
		expect(await configMaps.failure("get", { name: "c" })).toContain("not found");
	});

	it("of a mutating webhook is told the same way, and stops a deletion, too", async () => {
		await configMaps.send("create", configMap("c"));
		await configure("Mutating", "change", {});
		answers.change = () => ({ allowed: false });
		const text = '400 Unknown: admission webhook "change.example.com" denied the request without explanation';
		expect(await configMaps.failure("create", configMap("d"))).toBe(text);
		expect(await configMaps.failure("delete", { name: "c" })).toBe(text);
	});

	it("of several is the first one's, in order of names", async () => {
		await configure("Validating", "b", {});
		await configure("Validating", "a", {});
		answers.a = () => ({ allowed: false, status: { message: "a" } });
		answers.b = () => ({ allowed: false, status: { message: "b" } });
		expect(await configMaps.failure("create", configMap("c"))).toContain('"a.example.com" denied the request: a');
		expect(reviews.map(({ path }) => path).sort()).toEqual(["a", "b"]);
	});

	it("comes with the warnings of all", async () => {
		await configure("Validating", "judge", {});
		answers.judge = () => ({ warnings: ["mind the gap"] });
		const response = await fixture.server.handle(admin, {
			verb: "create",
			group: "",
			version: "v1",
			resource: "configmaps",
			namespace: "default",
			...configMap("c"),
		});
		expect(response.warnings).toEqual(["mind the gap"]);
	});
});

describe("a change", () => {
	it("is stored, with defaults, and seen by the next webhook", async () => {
		await configure("Mutating", "b-second", {});
		await configure("Mutating", "a-first", {});
		answers["a-first"] = () =>
			patchOf({ op: "add", path: "/data/b", value: "2" }, { op: "add", path: "/metadata/labels", value: { l: "v" } });
		answers["b-second"] = ({ object }) => patchOf({ op: "add", path: "/data/keys", value: Object.keys(object?.data ?? {}).join() });
		const created = (await configMaps.send("create", configMap("c"))) as ConfigMap;
		expect(created.data).toEqual({ a: "1", b: "2", keys: "a,b" });
		expect(created.metadata).toMatchObject({
			labels: { l: "v" },
			name: "c",
			uid: expect.any(String),
			creationTimestamp: expect.any(String),
		});
		expect(reviews.map(({ path }) => path)).toEqual(["a-first", "b-second"]);
	});

	it("of an update goes to the new object", async () => {
		await configMaps.send("create", configMap("c"));
		await configure("Mutating", "change", {});
		answers.change = () => patchOf({ op: "replace", path: "/data/a", value: "9" });
		const body = { metadata: { name: "c" }, data: { a: "2" } };
		expect(((await configMaps.send("update", { name: "c", body })) as ConfigMap).data).toEqual({ a: "9" });
	});

	it("in another version is converted back", async () => {
		await configure("Mutating", "change", { rules: rulesFor(["horizontalpodautoscalers"], ["CREATE"], ["autoscaling"], ["v1"]) });
		answers.change = () => patchOf({ op: "add", path: "/spec/targetCPUUtilizationPercentage", value: 55 });
		const spec = { scaleTargetRef: { kind: "Deployment", name: "web", apiVersion: "apps/v1" }, maxReplicas: 3 };
		const created = await fixture
			.resource("autoscaling", "v2", "horizontalpodautoscalers")
			.send("create", { body: { metadata: { name: "h" }, spec } });
		expect(created).toMatchObject({
			apiVersion: "autoscaling/v2",
			spec: { metrics: [{ resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 55 } } }] },
		});
	});

	it("has earlier webhooks that want it asked once more, and never a third time", async () => {
		await configure("Mutating", "a", { reinvocationPolicy: "IfNeeded" });
		await configure("Mutating", "b", {});
		await configure("Mutating", "c", { reinvocationPolicy: "IfNeeded" });
		let count = 0;
		const add = () => patchOf({ op: "add", path: `/data/n${count++}`, value: "x" });
		Object.assign(answers, { a: add, b: add });
		await configMaps.send("create", configMap("c"));
		// a has missed what b did; c then what a did the second time.
		expect(reviews.map(({ path }) => path)).toEqual(["a", "b", "c", "a", "c"]);
	});

	it("that changes nothing asks nobody again", async () => {
		await configure("Mutating", "a", { reinvocationPolicy: "IfNeeded" });
		await configure("Mutating", "b", {});
		answers.b = () => patchOf({ op: "replace", path: "/data/a", value: "1" });
		await configMaps.send("create", configMap("c"));
		expect(reviews.map(({ path }) => path)).toEqual(["a", "b"]);
	});

	it.each<readonly [answer: object, text: string]>([
		[
			patchOf({ op: "remove", path: "/data/none" }),
			"Internal error occurred: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value",
		],
		[patchOf({ op: "replace", path: "/data/a", value: 3 }), "Internal error occurred: "],
		[
			patchOf({ op: "replace", path: "/metadata/namespace", value: "x" }),
			"the namespace of the provided object does not match the namespace sent on the request",
		],
	])("that does not go: %#", async (answer, text) => {
		await configure("Mutating", "change", {});
		answers.change = () => answer;
		expect(await configMaps.failure("create", configMap("c"))).toContain(text);
	});

	it("of a deletion is an error", async () => {
		await configMaps.send("create", configMap("c"));
		await configure("Mutating", "change", {});
		answers.change = () => patchOf({ op: "add", path: "/x", value: 1 });
		expect(await configMaps.failure("delete", { name: "c" })).toBe(
			'500 InternalError: Internal error occurred: admission webhook "change.example.com" attempted to modify the object, which is not supported for this operation',
		);
	});
});

describe("a bad answer", () => {
	const call = 'failed calling webhook "bad.example.com"';
	const invalid = `500 InternalError: Internal error occurred: ${call}: received invalid webhook response: `;

	it.each<readonly [kind: "Mutating" | "Validating", review: object, text: string]>([
		["Validating", {}, "webhook response was absent"],
		[
			"Validating",
			{ kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", response: { uid: "x", allowed: true } },
			'expected response.uid="UID", got "x"',
		],
		[
			"Validating",
			{ response: { uid: "UID", allowed: true } },
			"expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=",
		],
		[
			"Validating",
			{ kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1beta1", response: { uid: "UID", allowed: true } },
			"expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v1beta1, Kind=AdmissionReview",
		],
		["Validating", { response: { patch: "W10=" } }, "validating webhook may not return response.patch"],
		["Validating", { response: { patchType: "JSONPatch" } }, "validating webhook may not return response.patchType"],
		["Mutating", { response: { patch: "W10=" } }, "webhook returned response.patch but not response.patchType"],
		["Mutating", { response: { patchType: "JSONPatch" } }, "webhook returned response.patchType but not response.patch"],
		["Mutating", { response: { patch: "W10=", patchType: "" } }, 'webhook returned invalid response.patchType of ""'],
	])("%s %j", async (kind, review, text) => {
		await configure(kind, "bad", {});
		let uid = "";
		hook.answer = ({ body }, response) => {
			uid = (JSON.parse(body) as Review).request.uid;
			const isWhole = /uid|^\{\}$/.test(JSON.stringify(review));
			const whole = {
				kind: "AdmissionReview",
				apiVersion: "admission.k8s.io/v1",
				response: { uid: "UID", allowed: true, ...(review as { response?: object }).response },
			};
			response.end(JSON.stringify(isWhole ? review : whole).replace("UID", uid));
		};
		const said = await configMaps.failure("create", configMap("c"));
		expect(said).toBe(invalid + text.replace("UID", uid));
	});

	it.each<readonly [patch: string, patchType: string, text: string]>([
		["{", "JSONPatch", "received undecodable patch in webhook response: unexpected end of JSON input"],
		[
			"{}",
			"JSONPatch",
			"received undecodable patch in webhook response: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
		],
		['[{"op":"add","path":"/x","value":1}]', "MergePatch", 'unsupported patch type "MergePatch"'],
	])("patch %s", async (patch, patchType, text) => {
		await configure("Mutating", "bad", {});
		answers.bad = () => ({ patch: Buffer.from(patch).toString("base64"), patchType });
		expect(await configMaps.failure("create", configMap("c"))).toBe(`500 InternalError: Internal error occurred: ${call}: ${text}`);
	});

	it("is of no harm where the webhook's failure is to be ignored", async () => {
		await configure("Mutating", "bad", { failurePolicy: "Ignore" });
		await configure("Validating", "worse", { failurePolicy: "Ignore" });
		hook.answer = (_, response) => void response.end("rubbish");
		await configMaps.send("create", configMap("c"));
		expect(hook.seen).toHaveLength(2);
	});

	it("may be none: after the webhook's own time, the request fails", async () => {
		await configure("Validating", "bad", { timeoutSeconds: 3 });
		const asked = Promise.withResolvers<void>();
		hook.answer = () => asked.resolve();
		const failed = configMaps.failure("create", configMap("c"));
		await asked.promise;
		await machine.advance(3_000);
		expect(await failed).toBe(
			`500 InternalError: Internal error occurred: ${call}: failed to call webhook: Post "${hook.url}/bad?timeout=3s": context deadline exceeded`,
		);
	});
});

describe("a dry run", () => {
	it.each(["None", "NoneOnDryRun"])("asks a webhook with side effects %s", async (sideEffects) => {
		await configure("Validating", "judge", { sideEffects });
		await configMaps.send("create", { ...configMap("c"), options: { dryRun: true } });
		expect(reviews[0]?.request).toMatchObject({ dryRun: true, options: { dryRun: ["All"] } });
	});
});

describe("match conditions", () => {
	const isNamed = (name: string) => ({ name: "named", expression: `object.metadata.name == '${name}'` });
	const broken = { name: "broken", expression: "object.data.missing == 'x'" };

	it.each(["Validating", "Mutating"] as const)("decide whether a webhook is asked: %s", async (kind) => {
		await configure(kind, "judge", {
			matchConditions: [isNamed("wanted"), { name: "me", expression: "request.userInfo.username != 'x'" }],
		});
		await configMaps.send("create", configMap("other"));
		await configMaps.send("create", configMap("wanted"));
		expect(reviews.map(({ request }) => request.name)).toEqual(["wanted"]);
	});

	it("that cannot be decided refuse the request, or leave the webhook out, as the failurePolicy says", async () => {
		await configure("Validating", "judge", { matchConditions: [broken], failurePolicy: "Ignore" });
		await configMaps.send("create", configMap("a"));
		await configure("Validating", "strict", { matchConditions: [broken] });
		expect(await configMaps.failure("create", configMap("b"))).toBe(
			`403 Forbidden: configmaps "b" is forbidden: expression 'object.data.missing == 'x'' resulted in error: no such key: missing`,
		);
		expect(reviews).toEqual([]);
	});

	it("one that does not hold decides, whatever is wrong with the others", async () => {
		await configure("Validating", "judge", { matchConditions: [broken, isNamed("nobody")] });
		await configMaps.send("create", configMap("a"));
		expect(reviews).toEqual([]);
	});

	it("may ask who may do what", async () => {
		const expression = "!authorizer.group('').resource('configmaps').namespace('default').check('delete').allowed()";
		await configure("Validating", "judge", { matchConditions: [{ name: "weak", expression }] });
		await configMaps.send("create", configMap("a"));
		expect(reviews).toEqual([]);
	});
});

describe("which webhooks are asked", () => {
	it.each<readonly [what: string, webhook: object, asked: boolean]>([
		["another resource", { rules: rulesFor(["secrets"]) }, false],
		["another group", { rules: rulesFor(["configmaps"], ["*"], ["apps"]) }, false],
		["another operation", { rules: rulesFor(["configmaps"], ["DELETE"]) }, false],
		["everything", { rules: rulesFor(["*/*"], ["*"], ["*"], ["*"]) }, true],
		["every subresource alone", { rules: rulesFor(["configmaps/*"]) }, true],
		["namespaced objects", { rules: [{ ...rulesFor(["*"])[0], scope: "Namespaced" }] }, true],
		["cluster-scoped objects", { rules: [{ ...rulesFor(["*"])[0], scope: "Cluster" }] }, false],
		["the namespace's labels", { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "default" } } }, true],
		["other labels of the namespace", { namespaceSelector: { matchLabels: { team: "a" } } }, false],
		["the object's labels", { objectSelector: { matchLabels: { x: "y" } } }, true],
		["other labels of the object", { objectSelector: { matchExpressions: [{ key: "x", operator: "DoesNotExist" }] } }, false],
	])("%s", async (_, webhook, asked) => {
		await configure("Validating", "judge", webhook);
		await configMaps.send("create", configMap("c", { labels: { x: "y" } }));
		expect(reviews).toHaveLength(asked ? 1 : 0);
	});

	it("a namespace is cluster-scoped, in itself, and selected by its new labels", async () => {
		const rules = [{ ...rulesFor(["namespaces"], ["CREATE"])[0], scope: "Cluster" }];
		await configure("Validating", "judge", { rules, namespaceSelector: { matchLabels: { team: "a" } } });
		const namespaces = fixture.clusterResource("", "v1", "namespaces");
		await namespaces.send("create", { body: { metadata: { name: "n1", labels: { team: "a" } } } });
		await namespaces.send("create", { body: { metadata: { name: "n2" } } });
		expect(reviews.map(({ request }) => request.namespace)).toEqual(["n1"]);
	});

	it("configurations that come and go count at once", async () => {
		await configure("Validating", "judge", {});
		await fixture
			.clusterResource("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations")
			.send("delete", { name: "judge" });
		await configMaps.send("create", configMap("c"));
		expect(reviews).toEqual([]);
	});
});
