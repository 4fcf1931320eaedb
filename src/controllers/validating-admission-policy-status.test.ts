import { expect, test } from "vitest";
import { validatingAdmissionPolicies } from "../client/resources.ts";
import { ControllerFixture } from "./testing/controller-fixture.ts";
import { validatingAdmissionPolicyStatusController } from "./validating-admission-policy-status.ts";

const resourceRules = [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["*"], resources: ["deployments"] }];

test("a policy's status says what does not fit, once a generation", async () => {
	const fixture = new ControllerFixture();
	const policies = fixture.client.resource(validatingAdmissionPolicies);
	const spec = (expression: string) => ({ matchConstraints: { resourceRules }, validations: [{ expression }] });
	await policies.create({ metadata: { name: "wrong", generation: 1 }, spec: spec("object.replicas > 1") });
	await policies.create({ metadata: { name: "right", generation: 1 }, spec: spec("object.spec.replicas > 1") });
	await policies.create({
		metadata: { name: "seen", generation: 1 },
		spec: spec("object.replicas > 1"),
		status: { observedGeneration: 1 },
	});
	await fixture.start(validatingAdmissionPolicyStatusController);
	// The type checker is a module that has to be loaded first.
	await import("../apimachinery/cel/index.ts");
	await fixture.settle();
	const statuses = Object.fromEntries(
		(await fixture.list(validatingAdmissionPolicies)).map(({ metadata, status }) => [metadata?.name, status]),
	);
	const warning = "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^";
	expect(statuses).toEqual({
		wrong: { observedGeneration: 1, typeChecking: { expressionWarnings: [{ fieldRef: "spec.validations[0].expression", warning }] } },
		right: { observedGeneration: 1, typeChecking: {} },
		seen: { observedGeneration: 1 },
	});
	expect(fixture.complaints).toEqual([]);
});
