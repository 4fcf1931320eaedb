import { describe, expect, it } from "vitest";
import type { Pod } from "../../../apimachinery/schema/generated/types.ts";
import { nowMs } from "../testing/kind-probe.ts";
import { app, eachRow, podOf } from "../testing/pod-probe.ts";
import { podKind } from "./pod.ts";

const withStatus = (spec: object, status: object, metadata: object = {}) => ({ ...podOf(spec, metadata), status }) as unknown as Pod;

const problemsOf = (status: object, old: object, spec: object = {}) =>
	(podKind.validateStatusUpdate?.(withStatus(spec, status), withStatus(spec, old)) ?? []).map(String);

const QUALIFIED =
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const SUBDOMAIN =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

describe("a status", () => {
	const spec = {
		resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "t" }],
		containers: [{ ...app, resources: { requests: { "example.com/gpu": "1", cpu: "1" }, claims: [{ name: "gpu", request: "fast" }] } }],
	};
	const old = { qosClass: "Burstable", podIPs: [{ ip: "010.0.0.1" }] };
	const mapping = { containerName: "app", resourceName: "example.com/gpu", requestName: "r" };
	const list = "status.containerStatuses[0]";
	const statuses = (status: object) => ({ containerStatuses: [{ name: "app", ...status }] });
	eachRow(
		[
			[
				{
					conditions: [
						{ type: "Ready", status: "True", observedGeneration: 1 },
						{ type: "example.com/x", status: "True" },
					],
					observedGeneration: 2,
				},
			],
			[{ conditions: [{ type: "a b", status: "True" }] }, `status.conditions[0].Type: Invalid value: "a b": ${QUALIFIED}`],
			[
				{ conditions: [{ type: "Ready", status: "True", observedGeneration: -1 }] },
				"status.conditions[0].observedGeneration: Invalid value: -1: must be a non-negative integer",
			],
			[{ observedGeneration: -1 }, "status.observedGeneration: Invalid value: -1: must be a non-negative integer"],
			[{ qosClass: "Guaranteed" }, 'status.qosClass: Invalid value: "Guaranteed": field is immutable'],
			[{ nominatedNodeName: "node-1" }],
			[{ nominatedNodeName: "A" }, `status.nominatedNodeName: Invalid value: "A": ${SUBDOMAIN}`],
			[{ podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }] }],
			[{ podIPs: [{ ip: "010.0.0.1" }] }],
			[{ podIPs: [{ ip: "10.0.0.01" }] }, 'status.podIPs[0]: Invalid value: "10.0.0.01": must not have leading 0s'],
			[
				{ podIPs: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }] },
				'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]: may specify no more than one IP for each IP family',
			],
			[
				{ podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }, { ip: "fd00::1" }] },
				'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"fd00::1"},{"IP":"fd00::1"}]: may specify no more than one IP for each IP family',
				'status.podIPs[2]: Duplicate value: {"IP":"fd00::1"}',
			],
			[{ hostIP: "10.0.0.1", hostIPs: [{ ip: "10.0.0.1" }] }],
			[{ hostIP: "10.0.0.2", hostIPs: [{ ip: "10.0.0.1" }] }, 'status.hostIPs[0].ip: Invalid value: "10.0.0.1": must be equal to `hostIP`'],
			[{ resourceClaimStatuses: [{ name: "gpu", resourceClaimName: "web-gpu" }] }],
			[
				{ resourceClaimStatuses: [{ name: "gpu" }, { name: "gpu" }, { name: "nic", resourceClaimName: "A" }] },
				'status.resourceClaimStatuses[1].name: Duplicate value: "gpu"',
				'status.resourceClaimStatuses[2].name: Invalid value: "nic": must match the name of an entry in `spec.resourceClaims`',
				`status.resourceClaimStatuses[2].resourceClaimName: Invalid value: "A": ${SUBDOMAIN}`,
			],
			[{ extendedResourceClaimStatus: { requestMappings: [mapping], resourceClaimName: "a" } }],
			[
				{ extendedResourceClaimStatus: {} },
				"status.extendedResourceClaimStatus.requestMappings: Required value: at least one request mapping is required",
				"status.extendedResourceClaimStatus.resourceClaimName: Required value",
			],
			[
				{
					extendedResourceClaimStatus: {
						requestMappings: [{ ...mapping, containerName: "b" }, { ...mapping, resourceName: "memory" }, mapping, mapping],
						resourceClaimName: "a",
					},
				},
				'status.extendedResourceClaimStatus.requestMappings[0].containerName: Invalid value: "b": must match the name of an entry in spec.initContainers.name or spec.containers.name',
				'status.extendedResourceClaimStatus.requestMappings[1].resourceName: Invalid value: "memory": must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests',
				'status.extendedResourceClaimStatus.requestMappings[3].containerName: Duplicate value: "app"',
				'status.extendedResourceClaimStatus.requestMappings[3].resourceName: Duplicate value: "example.com/gpu"',
				'status.extendedResourceClaimStatus.requestMappings[3].requestName: Duplicate value: "r"',
			],
			[statuses({ user: { linux: { uid: 0, gid: 0, supplementalGroups: [1] } } })],
			[
				statuses({ user: { linux: { uid: -1, gid: -1, supplementalGroups: [-1] } } }),
				`${list}.user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
				`${list}.user.linux.gid: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
				`${list}.user.linux.supplementalGroups[0]: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
			],
			[
				statuses({
					allocatedResourcesStatus: [
						{ name: "example.com/gpu", resources: [{ resourceID: "a", health: "Healthy" }] },
						{ name: "claim:gpu/fast" },
					],
				}),
			],
			[
				statuses({
					allocatedResourcesStatus: [
						{
							name: "example.com/tpu",
							resources: [
								{ resourceID: "a", health: "Fine" },
								{ resourceID: "a", health: "Unknown", message: "" },
							],
						},
						{ name: "claim:gpu" },
					],
				}),
				`${list}.allocatedResourcesStatus[0].name: Invalid value: "example.com/tpu": must match one of the container's resource requests`,
				`${list}.allocatedResourcesStatus[0].resources[0].health: Unsupported value: "Fine": supported values: "Healthy", "Unhealthy", "Unknown"`,
				`${list}.allocatedResourcesStatus[0].resources[1].message: Required value: must be non-empty if specified`,
				`${list}.allocatedResourcesStatus[0].resources[1].resourceID: Duplicate value: "a"`,
				`${list}.allocatedResourcesStatus[1].name: Invalid value: "claim:gpu": must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty`,
			],
			[
				{ ephemeralContainerStatuses: [{ name: "debug", allocatedResourcesStatus: [{ name: "cpu" }] }] },
				"status.ephemeralContainerStatuses[0].allocatedResourcesStatus: Forbidden: must not be specified in container status",
			],
		],
		(change, errors) => expect(problemsOf({ qosClass: "Burstable", ...change }, old, spec)).toEqual(errors),
	);

	it("nominates no node for a Pod that has one, and cannot bind it", () => {
		expect(problemsOf({ nominatedNodeName: "node-2" }, {}, { nodeName: "node-1" })).toEqual([
			"status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node",
		]);
		const moved = podKind.validateStatusUpdate?.(withStatus({ nodeName: "node-2" }, {}), withStatus({ nodeName: "node-1" }, {})) ?? [];
		expect(moved.map(String)).toEqual(["status.nodeName: Forbidden: may not be changed directly"]);
	});

	it("has no user of Linux on Windows", () => {
		const status = statuses({ user: { linux: { uid: 1, gid: 1 } } });
		expect(problemsOf(status, {}, { os: { name: "windows" } })).toEqual([`${list}.user.linux: Forbidden: cannot be set for a windows pod`]);
	});
});

describe("a container that ended", () => {
	const ended = (exitCode: number) => ({ name: "app", state: { terminated: { exitCode } } });
	const running = { name: "app", state: { running: {} } };
	const error = (list: string) => [`status.${list}[0].state: Forbidden: may not be transitioned to non-terminated state`];
	const rules = (action: string, operator: string, ...values: number[]) => [{ action, exitCodes: { operator, values } }];
	const one = error("containerStatuses");

	it.each<[string, number, object, string[]]>([
		["Always", 0, {}, []],
		["OnFailure", 1, {}, []],
		["OnFailure", 0, {}, one],
		["Never", 1, {}, one],
		["Never", 1, { restartPolicy: "Always" }, []],
		["Always", 1, { restartPolicy: "Never" }, one],
		["Never", 0, { restartPolicy: "OnFailure" }, one],
		["Never", 42, { restartPolicy: "Never", restartPolicyRules: rules("Restart", "In", 42) }, []],
		["Never", 43, { restartPolicy: "Never", restartPolicyRules: rules("Restart", "In", 42) }, one],
		["Never", 43, { restartPolicy: "Never", restartPolicyRules: rules("Restart", "NotIn", 42) }, []],
		["Never", 1, { restartPolicy: "Never", restartPolicyRules: rules("RestartAllContainers", "In", 42) }, []],
	])("in a Pod of %s with %d and %j may run again or not", (restartPolicy, exitCode, container, errors) => {
		const spec = { restartPolicy, containers: [{ ...app, ...container }] };
		expect(problemsOf({ containerStatuses: [running] }, { containerStatuses: [ended(exitCode)] }, spec)).toEqual(errors);
	});

	it("may be missing in the new status, and may stay ended", () => {
		const old = { containerStatuses: [ended(0)] };
		expect(problemsOf({}, old, { restartPolicy: "Never" })).toEqual([]);
		expect(problemsOf(old, old, { restartPolicy: "Never" })).toEqual([]);
	});

	it("follows the same rules as an init container, and never runs again as an ephemeral one", () => {
		const change = (list: string, spec: object) => problemsOf({ [list]: [running] }, { [list]: [ended(1)] }, spec);
		const init = { restartPolicy: "Never", containers: [{ name: "main", image: "a" }], initContainers: [app] };
		expect(change("initContainerStatuses", init)).toEqual(error("initContainerStatuses"));
		expect(change("initContainerStatuses", { ...init, initContainers: [{ ...app, restartPolicy: "Always" }] })).toEqual([]);
		expect(change("ephemeralContainerStatuses", {})).toEqual(error("ephemeralContainerStatuses"));
	});
});

describe("a status that is written", () => {
	const prepared = (status: object, old: object) =>
		(podKind.prepareForStatusUpdate?.(withStatus({}, status), withStatus({}, old), { nowMs }) as Pod | undefined)?.status;

	it("keeps generations that its writer does not know", () => {
		const condition = { type: "Ready", status: "True" };
		expect(prepared({ conditions: [condition] }, { observedGeneration: 3, conditions: [{ ...condition, observedGeneration: 2 }] })).toEqual(
			{
				observedGeneration: 3,
				conditions: [{ ...condition, observedGeneration: 2 }],
			},
		);
		expect(prepared({ observedGeneration: 4 }, { observedGeneration: 3 })).toEqual({ observedGeneration: 4 });
	});

	it("says nothing of what a gate switches off, and does not touch owners", () => {
		expect(prepared({ nodeAllocatableResourceClaimStatuses: [{ resourceClaimName: "a" }] }, {})).toEqual({});
		const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "1" };
		const sent = withStatus({}, {}, { ownerReferences: [] });
		const old = withStatus({}, {}, { ownerReferences: [owner] });
		expect(podKind.prepareForStatusUpdate?.(sent, old, { nowMs }).metadata?.ownerReferences).toEqual([owner]);
	});
});
