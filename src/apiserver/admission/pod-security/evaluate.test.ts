import { describe, expect, it, test } from "vitest";
import type { PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import { describeFindings, describeReasons, evaluatePod } from "./evaluate.ts";
import type { Level } from "./policy.ts";

const latest = Number.POSITIVE_INFINITY;
const plain = { name: "c", image: "nginx" };

/** A pod that keeps to the restricted level. */
const good: PodSpec = {
	securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
	containers: [{ ...plain, securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } }],
};

function findings(level: Level, version: number, spec: object, annotations = {}): string {
	return describeFindings(evaluatePod({ level, version }, { containers: [plain], ...spec } as PodSpec, annotations));
}

/** Two containers, an init container and an ephemeral one, all with this. */
const everywhere = (fields: object) => ({
	containers: [
		{ ...plain, ...fields },
		{ ...plain, name: "d", ...fields },
	],
	initContainers: [{ ...plain, name: "i", ...fields }],
	ephemeralContainers: [{ ...plain, name: "e", ...fields }],
});
const context = (securityContext: object) => ({ containers: [{ ...plain, securityContext }] });

describe("baseline", () => {
	test.each<[string, object, Record<string, string>, string]>([
		["nothing special", {}, {}, ""],
		[
			"privileged",
			everywhere({ securityContext: { privileged: true } }),
			{},
			'privileged (containers "i", "c", "d", "e" must not set securityContext.privileged=true)',
		],
		[
			"host namespaces",
			{ hostPID: true, hostNetwork: true, hostIPC: true },
			{},
			"host namespaces (hostIPC=true, hostNetwork=true, hostPID=true)",
		],
		[
			"host ports",
			{
				containers: [
					{
						...plain,
						ports: [
							{ containerPort: 1, hostPort: 80 },
							{ containerPort: 2, hostPort: 443 },
						],
					},
				],
			},
			{},
			'hostPort (container "c" uses hostPorts 443, 80)',
		],
		[
			"hostPath",
			{
				volumes: [
					{ name: "a", hostPath: { path: "/" } },
					{ name: "b", emptyDir: {} },
				],
			},
			{},
			'hostPath volumes (volume "a")',
		],
		[
			"capabilities",
			context({ capabilities: { add: ["SYS_ADMIN", "CHOWN", "NET_RAW"] } }),
			{},
			'non-default capabilities (container "c" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
		],
		[
			"AppArmor fields",
			{ securityContext: { appArmorProfile: { type: "Unconfined" } }, ...context({ appArmorProfile: { type: "RuntimeDefault" } }) },
			{},
			'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
		],
		[
			"AppArmor annotations",
			{},
			{
				"container.apparmor.security.beta.kubernetes.io/c": "unconfined",
				"container.apparmor.security.beta.kubernetes.io/d": "localhost/x",
			},
			'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
		],
		[
			"SELinux",
			{
				securityContext: { seLinuxOptions: { type: "spc_t", user: "u" } },
				...context({ seLinuxOptions: { role: "r", type: "container_engine_t" } }),
			},
			{},
			'seLinuxOptions (pod and container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
		],
		[
			"seccomp",
			{ securityContext: { seccompProfile: { type: "Unconfined" } }, ...context({ seccompProfile: { type: "Unconfined" } }) },
			{},
			'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
		],
		[
			"sysctls",
			{
				securityContext: {
					sysctls: [
						{ name: "kernel.msgmax", value: "1" },
						{ name: "net.ipv4.tcp_rmem", value: "1" },
					],
				},
			},
			{},
			"forbidden sysctls (kernel.msgmax)",
		],
		["procMount", context({ procMount: "Unmasked" }), {}, 'procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
		["procMount with users of its own", { hostUsers: false, ...context({ procMount: "Unmasked" }) }, {}, ""],
		[
			"Windows",
			{ securityContext: { windowsOptions: { hostProcess: true } }, ...context({ windowsOptions: { hostProcess: true } }) },
			{},
			'hostProcess (pod and container "c" must not set securityContext.windowsOptions.hostProcess=true)',
		],
		[
			"hosts of probes",
			{
				containers: [
					{ ...plain, livenessProbe: { httpGet: { port: 1, host: "b" } }, lifecycle: { preStop: { tcpSocket: { port: 1, host: "a" } } } },
				],
			},
			{},
			'probe or lifecycle host (container "c" uses probe or lifecycle hosts "a", "b")',
		],
	])("%s", (_name, spec, annotations, text) => expect(findings("baseline", latest, spec, annotations)).toBe(text));
});

describe("restricted", () => {
	it("is met by a hardened pod, and asks all of a plain one", () => {
		expect(findings("restricted", latest, good)).toBe("");
		expect(findings("restricted", latest, {})).toBe(
			'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
				'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
				'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
				'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
		);
	});

	test.each<[string, object, string]>([
		[
			"capabilities, instead of the baseline's",
			{
				containers: [
					{ ...plain, securityContext: { allowPrivilegeEscalation: false, capabilities: { add: ["NET_BIND_SERVICE", "SYS_TIME"] } } },
				],
			},
			'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "SYS_TIME" in securityContext.capabilities.add)',
		],
		[
			"volumes, instead of the baseline's",
			{
				volumes: [
					{ name: "a", hostPath: { path: "/" } },
					{ name: "b", nfs: { server: "s", path: "/" } },
					{ name: "d", image: { reference: "r" } },
				],
			},
			'restricted volume types (volumes "a", "b" use restricted volume types "hostPath", "nfs")',
		],
		["root by name", { securityContext: { ...good.securityContext, runAsUser: 0 } }, "runAsUser=0 (pod must not set runAsUser=0)"],
		[
			"root allowed",
			{ securityContext: { ...good.securityContext, runAsNonRoot: false } },
			"runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
		],
		["root with users of its own", { hostUsers: false, securityContext: { seccompProfile: { type: "Localhost" }, runAsUser: 0 } }, ""],
		["what Windows has not", { os: { name: "windows" }, containers: [plain], securityContext: { runAsNonRoot: true } }, ""],
		[
			"baseline findings first",
			{ ...good, hostPID: true, securityContext: {} },
			expect.stringMatching(/^host namespaces .*, runAsNonRoot .*, seccompProfile /),
		],
	])("%s", (_name, spec, text) => expect(findings("restricted", latest, { ...good, ...spec })).toEqual(text));
});

describe("versions", () => {
	test.each<[string, Level, number, object, Record<string, string>, boolean]>([
		["hosts of probes", "baseline", 33, { containers: [{ ...plain, livenessProbe: { httpGet: { port: 1, host: "b" } } }] }, {}, true],
		["hosts of probes", "baseline", 34, { containers: [{ ...plain, livenessProbe: { httpGet: { port: 1, host: "b" } } }] }, {}, false],
		["a sysctl", "baseline", 31, { securityContext: { sysctls: [{ name: "net.ipv4.tcp_rmem" }] } }, {}, false],
		["a sysctl", "baseline", 32, { securityContext: { sysctls: [{ name: "net.ipv4.tcp_rmem" }] } }, {}, true],
		["an SELinux type", "baseline", 30, { securityContext: { seLinuxOptions: { type: "container_engine_t" } } }, {}, false],
		["seccomp annotations", "baseline", 18, {}, { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" }, false],
		["seccomp annotations", "baseline", 19, {}, { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" }, true],
		[
			"dropped capabilities",
			"restricted",
			21,
			{ ...good, containers: [{ ...plain, securityContext: { allowPrivilegeEscalation: false } }] },
			{},
			true,
		],
		[
			"dropped capabilities",
			"restricted",
			22,
			{ ...good, containers: [{ ...plain, securityContext: { allowPrivilegeEscalation: false } }] },
			{},
			false,
		],
		[
			"added capabilities, by the baseline's check",
			"restricted",
			21,
			{ ...good, ...context({ allowPrivilegeEscalation: false, capabilities: { add: ["NET_RAW"] } }) },
			{},
			false,
		],
		["Windows", "restricted", 24, { os: { name: "windows" }, securityContext: { runAsNonRoot: true } }, {}, false],
		[
			"users of its own",
			"restricted",
			34,
			{ ...good, hostUsers: false, securityContext: { seccompProfile: { type: "Localhost" } } },
			{},
			false,
		],
		["procMount", "baseline", 34, { hostUsers: false, ...context({ procMount: "Unmasked" }) }, {}, false],
		[
			"procMount",
			"restricted",
			35,
			{
				...good,
				hostUsers: false,
				...context({ allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, procMount: "Unmasked" }),
			},
			{},
			false,
		],
	])("%s in %s:v1.%i", (_name, level, version, spec, annotations, isAllowed) => {
		expect(findings(level, version, spec, annotations) === "").toBe(isAllowed);
	});
});

it("tells many pods by the reasons alone", () => {
	expect(describeReasons(evaluatePod({ level: "baseline", version: latest }, { containers: [plain], hostPID: true }))).toBe(
		"host namespaces",
	);
	expect(evaluatePod({ level: "privileged", version: latest }, { containers: [plain], hostPID: true })).toEqual([]);
});
