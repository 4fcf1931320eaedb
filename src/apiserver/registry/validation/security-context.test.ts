import { describe, expect, it } from "vitest";
import { app, containerProblems, eachRow, specProblems } from "../testing/pod-probe.ts";

const ID = "must be between 0 and 2147483647, inclusive";
const TYPES = 'supported values: "Localhost", "RuntimeDefault", "Unconfined"';

describe("the security context of a Pod", () => {
	const at = "spec.securityContext";
	const SYSCTL = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
	eachRow(
		[
			[{ runAsUser: 0, runAsGroup: 2147483647, fsGroup: 1, supplementalGroups: [1, 2], runAsNonRoot: true }],
			[{ fsGroup: -1 }, `${at}.fsGroup: Invalid value: -1: ${ID}`],
			[{ runAsUser: 2147483648 }, `${at}.runAsUser: Invalid value: 2147483648: ${ID}`],
			[{ runAsGroup: -1 }, `${at}.runAsGroup: Invalid value: -1: ${ID}`],
			[{ supplementalGroups: [1, -1] }, `${at}.supplementalGroups[1]: Invalid value: -1: ${ID}`],
			[{ fsGroupChangePolicy: "OnRootMismatch", supplementalGroupsPolicy: "Strict", seLinuxChangePolicy: "Recursive" }],
			[
				{ fsGroupChangePolicy: "Never" },
				`${at}.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"`,
			],
			[
				{ supplementalGroupsPolicy: "Loose" },
				`${at}.supplementalGroupsPolicy: Unsupported value: "Loose": supported values: "Merge", "Strict"`,
			],
			[
				{ seLinuxChangePolicy: "MountOption" },
				`${at}.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"`,
			],
			[
				{
					sysctls: [
						{ name: "kernel.shm_rmid_forced", value: "1" },
						{ name: "net/ipv4/ip_forward", value: "1" },
					],
				},
			],
			[{ sysctls: [{ value: "1" }] }, `${at}.sysctls[0].name: Required value`],
			[{ sysctls: [{ name: "Kernel", value: "1" }] }, `${at}.sysctls[0].name: Invalid value: "Kernel": ${SYSCTL}`],
			[
				{
					sysctls: [
						{ name: "a", value: "1" },
						{ name: "a", value: "2" },
					],
				},
				`${at}.sysctls[1].name: Duplicate value: "a"`,
			],
			[{ seccompProfile: { type: "RuntimeDefault" } }],
			[{ seccompProfile: { type: "Localhost", localhostProfile: "a/b.json" } }],
			[{ seccompProfile: {} }, `${at}.seccompProfile.type: Required value: type is required when seccompProfile is set`],
			[{ seccompProfile: { type: "Strict" } }, `${at}.seccompProfile.type: Unsupported value: "Strict": ${TYPES}`],
			[
				{ seccompProfile: { type: "Localhost" } },
				`${at}.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`,
			],
			[
				{ seccompProfile: { type: "Localhost", localhostProfile: "/a" } },
				`${at}.seccompProfile.localhostProfile: Invalid value: "/a": must be a relative path`,
			],
			[
				{ seccompProfile: { type: "Localhost", localhostProfile: "a/../b" } },
				`${at}.seccompProfile.localhostProfile: Invalid value: "a/../b": must not contain '..'`,
			],
			[
				{ seccompProfile: { type: "Unconfined", localhostProfile: "a" } },
				`${at}.seccompProfile.localhostProfile: Invalid value: {"Type":"Unconfined","LocalhostProfile":"a"}: can only be set when seccomp type is Localhost`,
			],
			[{ appArmorProfile: { type: "Localhost", localhostProfile: "a" } }],
			[{ appArmorProfile: {} }, `${at}.appArmorProfile.type: Required value: type is required when appArmorProfile is set`],
			[{ appArmorProfile: { type: "Strict" } }, `${at}.appArmorProfile.type: Unsupported value: "Strict": ${TYPES}`],
			[
				{ appArmorProfile: { type: "Localhost" } },
				`${at}.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost`,
			],
			[
				{ appArmorProfile: { type: "Localhost", localhostProfile: " a" } },
				`${at}.appArmorProfile.localhostProfile: Invalid value: " a": must not be padded with whitespace`,
			],
			[
				{ appArmorProfile: { type: "Localhost", localhostProfile: "a".repeat(4096) } },
				`${at}.appArmorProfile.localhostProfile: Too long: may not be more than 4095 bytes`,
			],
			[
				{ appArmorProfile: { type: "RuntimeDefault", localhostProfile: "a" } },
				`${at}.appArmorProfile.localhostProfile: Invalid value: "a": can only be set when AppArmor type is Localhost`,
			],
		],
		(change, errors) => expect(specProblems({ securityContext: change })).toEqual(errors),
	);

	const net = { securityContext: { sysctls: [{ name: "net.ipv4.ip_forward", value: "1" }] } };
	const ipc = { securityContext: { sysctls: [{ name: "kernel/shmmax", value: "1" }] } };
	eachRow(
		[
			[
				{ hostNetwork: true, ...net },
				`${at}.sysctls[0].name: Invalid value: "net.ipv4.ip_forward": may not be specified when 'hostNetwork' is true`,
			],
			[{ hostIPC: true, ...ipc }, `${at}.sysctls[0].name: Invalid value: "kernel/shmmax": may not be specified when 'hostIPC' is true`],
			[{ hostPID: true, ...net, ...ipc }],
			[
				{ hostPID: true, shareProcessNamespace: true },
				`${at}.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled`,
			],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);
});

describe("the security context of a container", () => {
	const at = "spec.containers[0].securityContext";
	const shown = (fields: Readonly<Record<string, unknown>>) =>
		JSON.stringify({
			Capabilities: null,
			Privileged: null,
			SELinuxOptions: null,
			WindowsOptions: null,
			RunAsUser: null,
			RunAsGroup: null,
			RunAsNonRoot: null,
			ReadOnlyRootFilesystem: null,
			AllowPrivilegeEscalation: null,
			ProcMount: null,
			SeccompProfile: null,
			AppArmorProfile: null,
			...fields,
		});
	eachRow(
		[
			[{ privileged: true, runAsUser: 0, capabilities: { add: ["NET_ADMIN"] }, procMount: "Default", readOnlyRootFilesystem: true }],
			[{ runAsUser: -1 }, `${at}.runAsUser: Invalid value: -1: ${ID}`],
			[{ runAsGroup: 4294967295 }, `${at}.runAsGroup: Invalid value: 4294967295: ${ID}`],
			[{ procMount: "None" }, `${at}.procMount: Unsupported value: "None": supported values: "Default", "Unmasked"`],
			[{ procMount: "Unmasked" }, `${at}.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``],
			[{ seccompProfile: { type: "Strict" } }, `${at}.seccompProfile.type: Unsupported value: "Strict": ${TYPES}`],
			[{ appArmorProfile: { type: "" } }, `${at}.appArmorProfile.type: Required value: type is required when appArmorProfile is set`],
			[{ allowPrivilegeEscalation: false }],
			[
				{ allowPrivilegeEscalation: false, privileged: true },
				`${at}: Invalid value: ${shown({ Privileged: true, AllowPrivilegeEscalation: false })}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
			],
			[
				{ allowPrivilegeEscalation: false, capabilities: { add: ["CAP_SYS_ADMIN"] } },
				`${at}: Invalid value: ${shown({ Capabilities: { Add: ["CAP_SYS_ADMIN"], Drop: null }, AllowPrivilegeEscalation: false })}: cannot set \`allowPrivilegeEscalation\` to false and \`capabilities.Add\` CAP_SYS_ADMIN`,
			],
		],
		(change, errors) => expect(containerProblems({ securityContext: change })).toEqual(errors),
	);

	it("may see all of /proc with users of its own", () => {
		expect(specProblems({ hostUsers: false, containers: [{ ...app, securityContext: { procMount: "Unmasked" } }] })).toEqual([]);
	});
});

describe("options of Windows", () => {
	const at = "spec.securityContext.windowsOptions";
	const SUBDOMAIN =
		"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
	eachRow(
		[
			[{ gmsaCredentialSpecName: "a", gmsaCredentialSpec: "{}", runAsUserName: "DOMAIN\\user" }],
			[{ gmsaCredentialSpecName: "A" }, `${at}.gmsaCredentialSpecName: Invalid value: "A": ${SUBDOMAIN}`],
			[{ gmsaCredentialSpec: "" }, `${at}.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string`],
			[
				{ gmsaCredentialSpec: "x".repeat(64 * 1024 + 1) },
				`${at}.gmsaCredentialSpec: Invalid value: "${"x".repeat(64 * 1024 + 1)}": gmsaCredentialSpec size must be under 64 KiB`,
			],
			[{ runAsUserName: "" }, `${at}.runAsUserName: Invalid value: "": runAsUserName cannot be an empty string`],
			[{ runAsUserName: "a\t" }, `${at}.runAsUserName: Invalid value: "a\\t": runAsUserName cannot contain control characters`],
			[
				{ runAsUserName: "a\\b\\c" },
				`${at}.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName cannot contain more than one backslash`,
			],
			[{ runAsUserName: "D\\" }, `${at}.runAsUserName: Invalid value: "D\\\\": runAsUserName's User cannot be empty`],
			[{ runAsUserName: "..." }, `${at}.runAsUserName: Invalid value: "...": runAsUserName's User cannot contain only periods or spaces`],
			[
				{ runAsUserName: "a?" },
				`${at}.runAsUserName: Invalid value: "a?": runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`,
			],
			[
				{ runAsUserName: "a".repeat(105) },
				`${at}.runAsUserName: Invalid value: "${"a".repeat(105)}": runAsUserName's User length must not be longer than 104 characters`,
			],
			[
				{ runAsUserName: ".x\\a" },
				`${at}.runAsUserName: Invalid value: ".x\\\\a": runAsUserName's Domain doesn't match the NetBios nor the DNS format`,
			],
			[
				{ hostProcess: true },
				"spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
			],
		],
		(change, errors) => expect(specProblems({ securityContext: { windowsOptions: change } })).toEqual(errors),
	);

	const hostProcess = (own: boolean) => ({ securityContext: { windowsOptions: { hostProcess: own } } });
	eachRow(
		[
			[{ hostNetwork: true, ...hostProcess(true) }],
			[
				{
					hostNetwork: true,
					containers: [
						{ ...app, ...hostProcess(true) },
						{ ...app, name: "b" },
					],
				},
				'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
			],
			[
				{ hostNetwork: true, ...hostProcess(true), containers: [{ ...app, ...hostProcess(false) }] },
				"spec.containers[0].securityContext.windowsOptions.hostProcess: Invalid value: false: pod hostProcess value must be identical if both are specified, was true",
			],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);
});

describe("the system of a Pod", () => {
	const WINDOWS = "cannot be set for a windows pod";
	const LINUX = "windows options cannot be set for a linux pod";
	eachRow(
		[
			[{ os: { name: "linux" }, securityContext: { runAsUser: 1 } }],
			[{ os: {} }, "spec.os.name: Required value"],
			[{ os: { name: "plan9" } }, 'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
			[
				{
					os: { name: "linux" },
					securityContext: { windowsOptions: {} },
					containers: [{ ...app, securityContext: { windowsOptions: {} } }],
				},
				`spec.securityContext.windowsOptions: Forbidden: ${LINUX}`,
				`spec.containers[0].securityContext.windowsOptions: Forbidden: ${LINUX}`,
			],
			[{ os: { name: "windows" }, securityContext: { windowsOptions: { runAsUserName: "a" } } }],
			[
				{
					os: { name: "windows" },
					hostUsers: false,
					hostPID: true,
					hostIPC: true,
					shareProcessNamespace: false,
					securityContext: {
						appArmorProfile: { type: "Unconfined" },
						seLinuxOptions: {},
						seccompProfile: { type: "Unconfined" },
						fsGroup: 1,
						fsGroupChangePolicy: "Always",
						sysctls: [{ name: "a", value: "1" }],
						runAsUser: 1,
						runAsGroup: 1,
						supplementalGroups: [1],
						supplementalGroupsPolicy: "Merge",
						seLinuxChangePolicy: "Recursive",
					},
				},
				"spec.HostPID: Forbidden: when `hostUsers` is false",
				"spec.HostIPC: Forbidden: when `hostUsers` is false",
				`spec.securityContext.appArmorProfile: Forbidden: ${WINDOWS}`,
				`spec.securityContext.seLinuxOptions: Forbidden: ${WINDOWS}`,
				`spec.hostUsers: Forbidden: ${WINDOWS}`,
				`spec.hostPID: Forbidden: ${WINDOWS}`,
				`spec.hostIPC: Forbidden: ${WINDOWS}`,
				`spec.securityContext.seccompProfile: Forbidden: ${WINDOWS}`,
				`spec.securityContext.fsGroup: Forbidden: ${WINDOWS}`,
				`spec.securityContext.fsGroupChangePolicy: Forbidden: ${WINDOWS}`,
				`spec.securityContext.sysctls: Forbidden: ${WINDOWS}`,
				`spec.shareProcessNamespace: Forbidden: ${WINDOWS}`,
				`spec.securityContext.runAsUser: Forbidden: ${WINDOWS}`,
				`spec.securityContext.runAsGroup: Forbidden: ${WINDOWS}`,
				`spec.securityContext.supplementalGroups: Forbidden: ${WINDOWS}`,
				`spec.securityContext.supplementalGroupsPolicy: Forbidden: ${WINDOWS}`,
				`spec.securityContext.seLinuxChangePolicy: Forbidden: ${WINDOWS}`,
			],
			[
				{
					os: { name: "windows" },
					containers: [
						{
							...app,
							securityContext: {
								appArmorProfile: { type: "Unconfined" },
								seLinuxOptions: {},
								seccompProfile: { type: "Unconfined" },
								capabilities: {},
								readOnlyRootFilesystem: false,
								privileged: false,
								allowPrivilegeEscalation: true,
								procMount: "Default",
								runAsUser: 1,
								runAsGroup: 1,
							},
						},
					],
				},
				...[
					"appArmorProfile",
					"seLinuxOptions",
					"seccompProfile",
					"capabilities",
					"readOnlyRootFilesystem",
					"privileged",
					"allowPrivilegeEscalation",
					"procMount",
					"runAsUser",
					"runAsGroup",
				].map((field) => `spec.containers[0].securityContext.${field}: Forbidden: ${WINDOWS}`),
			],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);
});

describe("a Pod with users of its own", () => {
	const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "c" } }];
	const volumeDevices = [{ name: "v", devicePath: "/dev/v" }];
	eachRow(
		[
			[{ hostUsers: false }],
			[{ hostUsers: true, hostNetwork: true, hostPID: true, hostIPC: true }],
			[{ hostUsers: false, hostNetwork: true }, "spec.hostNetwork: Forbidden: when `hostUsers` is false"],
			[{ hostUsers: false, hostPID: true }, "spec.HostPID: Forbidden: when `hostUsers` is false"],
			[{ hostUsers: false, hostIPC: true }, "spec.HostIPC: Forbidden: when `hostUsers` is false"],
			[
				{ hostUsers: false, volumes, containers: [{ ...app, volumeDevices }] },
				"spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false",
			],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);
});
