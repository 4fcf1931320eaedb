import { describe, expect, it } from "vitest";
import type { Pod } from "../../../apimachinery/schema/generated/types.ts";
import { updateProblems } from "../testing/kind-probe.ts";
import { app, eachRow, podOf } from "../testing/pod-probe.ts";
import { podKind } from "./pod.ts";

const FIELDS =
	"spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
	"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
	"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n";

/** Errors of an update from one spec to that with something changed. */
const changing = (old: object) => (change: object, errors: readonly string[]) =>
	expect(updateProblems(podKind, podOf({ ...old, ...change }), podOf(old))).toEqual(errors);

describe("a Pod", () => {
	const init = { name: "init", image: "busybox" };
	const toleration = { key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 };
	eachRow(
		[
			[{}],
			[{ containers: [{ ...app, image: "nginx:2", imagePullPolicy: "Always" }], initContainers: [{ ...init, image: "b:latest" }] }],
			[{ containers: [{ ...app, image: "", imagePullPolicy: "Always" }] }, "spec.containers[0].image: Required value"],
			[
				{ initContainers: [{ ...init, image: " b", imagePullPolicy: "Always" }] },
				'spec.initContainers[0].image: Invalid value: " b": must not have leading or trailing whitespace',
			],
			[{ containers: [app, { ...app, name: "b" }] }, "spec.containers: Forbidden: pod updates may not add or remove containers"],
			[{ initContainers: [] }, "spec.initContainers: Forbidden: pod updates may not add or remove containers"],
			[{ containers: [{ ...app, name: "b" }] }, `${FIELDS}- containers[0].name: "app"\n+ containers[0].name: "b"`],
			[{ activeDeadlineSeconds: 30 }],
			[{ activeDeadlineSeconds: 90 }, "spec.activeDeadlineSeconds: Invalid value: 90: must be less than or equal to previous value"],
			[{ activeDeadlineSeconds: -1 }, "spec.activeDeadlineSeconds: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
			[
				{ activeDeadlineSeconds: undefined },
				"spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
			],
			[{ tolerations: [{ key: "b", operator: "Exists" }, toleration] }],
			[{ tolerations: [{ ...toleration, tolerationSeconds: 1 }] }],
			[{ tolerations: [] }, "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
			[
				{ tolerations: [{ ...toleration, key: "b" }] },
				"spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
			],
			[
				{ tolerations: [toleration, { operator: "Is", key: "x" }] },
				'spec.tolerations[1].operator: Unsupported value: "Is": supported values: "Equal", "Exists"',
			],
			[{ terminationGracePeriodSeconds: 1 }, `${FIELDS}- terminationGracePeriodSeconds: 30\n+ terminationGracePeriodSeconds: 1`],
			[{ nodeSelector: { a: "b" } }, `${FIELDS}+ nodeSelector: {"a":"b"}`],
			[
				{ schedulingGates: [{ name: "a" }] },
				"spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a'",
			],
			// What Kubernetes cannot tell from what was there.
			[{ hostNetwork: false, nodeName: "", volumes: [], containers: [{ ...app, stdin: false, command: [] }] }],
			[{ hostUsers: true }, `${FIELDS}+ hostUsers: true`],
		],
		changing({ activeDeadlineSeconds: 60, tolerations: [toleration], initContainers: [init] }),
	);

	it("may have a grace period that was negative set to 1", () => {
		changing({ terminationGracePeriodSeconds: -1 })({ terminationGracePeriodSeconds: 1 }, []);
		changing({ terminationGracePeriodSeconds: -1 })({ terminationGracePeriodSeconds: 2 }, [
			`${FIELDS}- terminationGracePeriodSeconds: -1\n+ terminationGracePeriodSeconds: 2`,
		]);
	});
});

describe("a Pod that gates hold", () => {
	const terms = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
	const zone = { key: "zone", operator: "In", values: ["a"] };
	const disk = { key: "disk", operator: "Exists" };
	const affinity = (...nodeSelectorTerms: object[]) => ({
		affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
	});
	const shown = (...expressions: object[]) =>
		JSON.stringify({
			MatchExpressions: expressions.map((expression) => {
				const { key, operator, values = null } = expression as { key: string; operator: string; values?: string[] };
				return { Key: key, Operator: operator, Values: values };
			}),
			MatchFields: null,
		});
	eachRow(
		[
			[{ schedulingGates: [] }],
			[{ schedulingGates: [{ name: "b" }] }],
			[
				{ schedulingGates: [{ name: "c" }, { name: "a" }] },
				"spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'c'",
			],
			[{ nodeSelector: { a: "b", c: "d" } }],
			[
				{ nodeSelector: { c: "d", b: "x" } },
				'spec.nodeSelector: Invalid value: {"b":"x","c":"d"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
			],
			[
				{ nodeSelector: undefined },
				"spec.nodeSelector: Invalid value: null: only additions to spec.nodeSelector are allowed (no mutations or deletions)",
			],
			[affinity({ matchExpressions: [zone, disk] })],
			[
				affinity({ matchExpressions: [disk, zone] }),
				`${terms}[0]: Invalid value: ${shown(disk, zone)}: only additions are allowed (no mutations or deletions)`,
			],
			[
				affinity({ matchExpressions: [zone] }, { matchExpressions: [disk] }),
				`${terms}: Invalid value: [${shown(zone)},${shown(disk)}]: no additions/deletions to non-empty NodeSelectorTerms list are allowed`,
			],
			[{ affinity: undefined }, `${terms}: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed`],
			[{ hostNetwork: true }, `${FIELDS}+ hostNetwork: true`],
			[{ affinity: { ...affinity({ matchExpressions: [zone] }).affinity, podAffinity: {} } }, `${FIELDS}+ affinity.podAffinity: {}`],
		],
		changing({ schedulingGates: [{ name: "a" }, { name: "b" }], nodeSelector: { a: "b" }, ...affinity({ matchExpressions: [zone] }) }),
	);

	it("may be given conditions on its node where it had none", () => {
		const old = { schedulingGates: [{ name: "a" }] };
		changing(old)({ nodeSelector: { a: "b" }, ...affinity({ matchExpressions: [zone] }) }, []);
		const podAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "zone", labelSelector: {} }] };
		expect(updateProblems(podKind, podOf({ ...old, affinity: { podAffinity } }), podOf(old))).toHaveLength(1);
	});
});

describe("annotations", () => {
	const ARMOR = "container.apparmor.security.beta.kubernetes.io/app";
	const MIRROR = "kubernetes.io/config.mirror";
	const at = "metadata.annotations";
	const old = { [ARMOR]: "unconfined", [MIRROR]: "x", free: "a" };
	it.each<[Record<string, string>, Record<string, string>, string[]]>([
		[{ ...old, free: "b", more: "c" }, old, []],
		[{ ...old, [ARMOR]: "runtime/default" }, old, [`${at}[${ARMOR}]: Forbidden: may not remove or update AppArmor annotations`]],
		[{ [ARMOR]: "unconfined" }, old, [`${at}[${MIRROR}]: Forbidden: may not remove or update mirror pod annotation`]],
		[{ [ARMOR]: "unconfined" }, {}, [`${at}[${ARMOR}]: Forbidden: may not add AppArmor annotations`]],
		[{ [MIRROR]: "x" }, {}, [`${at}[${MIRROR}]: Forbidden: may not add mirror pod annotation`]],
	])("may become %j from %j or not", (next, before, errors) => {
		const pod = (annotations: object) => podOf({ nodeName: "node-1" }, { annotations }) as Pod;
		expect(updateProblems(podKind, pod(next), pod(before))).toEqual(errors);
	});
});
