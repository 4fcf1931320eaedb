/** Policies in a whole API server: written, then effective for what comes after. */
import { beforeEach, describe, expect, it } from "vitest";
import { type ResourceDriver, type ServerFixture, startServer } from "../../testing.ts";

const group = "admissionregistration.k8s.io";
const resourceRules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["configmaps"] }];

let fixture: ServerFixture;
let configMaps: ResourceDriver;
const of = (resource: string): ResourceDriver => fixture.clusterResource(group, "v1", resource);

beforeEach(async () => {
	fixture = await startServer();
	configMaps = fixture.resource("", "v1", "configmaps");
});

const body = (kind: string, name: string, spec: object) => ({ apiVersion: `${group}/v1`, kind, metadata: { name }, spec });
const configMap = (name: string, data: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });

describe("a ValidatingAdmissionPolicy", () => {
	const spec = (expression: string) => ({
		matchConstraints: { resourceRules },
		validations: [{ expression, message: "data.max must be a number" }],
	});
	const valid = spec("!has(object.data) || !('max' in object.data) || object.data.max.matches('^[0-9]+$')");

	it("refuses from the moment on that it is bound", async () => {
		await of("validatingadmissionpolicies").send("create", { body: body("ValidatingAdmissionPolicy", "numbers", valid) });
		await configMaps.send("create", { body: configMap("before", { max: "many" }) });
		const binding = { policyName: "numbers", validationActions: ["Deny"] };
		await of("validatingadmissionpolicybindings").send("create", { body: body("ValidatingAdmissionPolicyBinding", "all", binding) });
		const text = "ValidatingAdmissionPolicy 'numbers' with binding 'all' denied request: data.max must be a number";
		expect(await configMaps.failure("create", { body: configMap("a", { max: "many" }) })).toBe(
			`422 Invalid: configmaps "a" is forbidden: ${text}`,
		);
		await configMaps.send("create", { body: configMap("b", { max: "7" }) });
		expect(await configMaps.failure("update", { name: "b", body: configMap("b", { max: "x" }) })).toContain(text);
		await configMaps.send("delete", { name: "before" });
		await of("validatingadmissionpolicybindings").send("delete", { name: "all" });
		await configMaps.send("create", { body: configMap("a", { max: "many" }) });
	});

	it("must compile", async () => {
		const broken = body("ValidatingAdmissionPolicy", "numbers", spec("object.data.max.matches('(')"));
		expect(await of("validatingadmissionpolicies").failure("create", { body: broken })).toBe(
			`422 Invalid: ValidatingAdmissionPolicy.${group} "numbers" is invalid: spec.validations[0].expression: Invalid value: "object.data.max.matches('(')": ` +
				"compilation failed: ERROR: <input>:1:25: invalid matches argument\n | object.data.max.matches('(')\n | ........................^",
		);
		const created = await of("validatingadmissionpolicies").send("create", { body: body("ValidatingAdmissionPolicy", "numbers", valid) });
		const update = { ...broken, metadata: created.metadata };
		expect(await of("validatingadmissionpolicies").failure("update", { name: "numbers", body: update })).toContain(
			"invalid matches argument",
		);
	});
});

describe("a MutatingAdmissionPolicy", () => {
	it("changes what is written while it is bound", async () => {
		const jsonPatch = { expression: `[JSONPatch{op: "add", path: "/data/stamp", value: request.operation}]` };
		const spec = { matchConstraints: { resourceRules }, reinvocationPolicy: "Never", mutations: [{ patchType: "JSONPatch", jsonPatch }] };
		await of("mutatingadmissionpolicies").send("create", { body: body("MutatingAdmissionPolicy", "stamp", spec) });
		await of("mutatingadmissionpolicybindings").send("create", {
			body: body("MutatingAdmissionPolicyBinding", "all", { policyName: "stamp" }),
		});
		expect(await configMaps.send("create", { body: configMap("a", { x: "1" }) })).toMatchObject({ data: { x: "1", stamp: "CREATE" } });
		expect(await configMaps.send("update", { name: "a", body: configMap("a", { x: "2" }) })).toMatchObject({
			data: { x: "2", stamp: "UPDATE" },
		});
	});
});
