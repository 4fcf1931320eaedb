import { describe, expect } from "vitest";
import { app, eachRow, specProblems } from "../testing/pod-probe.ts";

const volumes = [{ name: "v" }, { name: "w" }, { name: "claim", persistentVolumeClaim: { claimName: "c" } }];
const container = "spec.containers[0]";
const problemsOf = (change: object) => specProblems({ volumes, containers: [{ ...app, ...change }] });

describe("mounts", () => {
	const at = `${container}.volumeMounts`;
	const mount = { name: "v", mountPath: "/v" };
	eachRow(
		[
			[[mount, { name: "v", mountPath: "/x", subPath: "a/b" }, { name: "w", mountPath: "/y", subPathExpr: "$(A)" }]],
			[[{ name: "other", mountPath: "/v" }], `${at}[0].name: Not found: "other"`],
			[[{ mountPath: "/v" }], `${at}[0].name: Required value`, `${at}[0].name: Not found: ""`],
			[[{ name: "v" }], `${at}[0].mountPath: Required value`],
			[[mount, { name: "w", mountPath: "/v" }], `${at}[1].mountPath: Invalid value: "/v": must be unique`],
			[[{ ...mount, subPath: "/a" }], `${at}.subPath: Invalid value: "/a": must be a relative path`],
			[[{ ...mount, subPath: "a/../b" }], `${at}.subPath: Invalid value: "a/../b": must not contain '..'`],
			[
				[{ ...mount, subPath: "a", subPathExpr: "b" }],
				`${at}[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive`,
			],
			[[{ ...mount, subPathExpr: "../b" }], `${at}.subPathExpr: Invalid value: "../b": must not contain '..'`],
			[[{ ...mount, mountPropagation: "HostToContainer" }]],
			[
				[{ ...mount, mountPropagation: "Both" }],
				`${at}.mountPropagation: Unsupported value: "Both": supported values: "Bidirectional", "HostToContainer", "None"`,
			],
			[
				[{ ...mount, mountPropagation: "Bidirectional" }],
				`${at}.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
			],
			[[{ ...mount, readOnly: true, recursiveReadOnly: "Enabled", mountPropagation: "None" }]],
			[[{ ...mount, recursiveReadOnly: "Disabled" }]],
			[
				[{ ...mount, readOnly: true, recursiveReadOnly: "Always" }],
				`${at}.recursiveReadOnly: Unsupported value: "Always": supported values: "Disabled", "Enabled", "IfPossible"`,
			],
			[[{ ...mount, recursiveReadOnly: "IfPossible" }], `${at}.recursiveReadOnly: Forbidden: may only be specified when readOnly is true`],
			[
				[{ ...mount, readOnly: true, recursiveReadOnly: "Enabled", mountPropagation: "HostToContainer" }],
				`${at}.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified`,
			],
		],
		(change, errors) => expect(problemsOf({ volumeMounts: change })).toEqual(errors),
	);

	eachRow(
		[
			[{ securityContext: { privileged: true }, volumeMounts: [{ ...mount, mountPropagation: "Bidirectional" }] }],
			[
				{ volumeMounts: [{ name: "claim", mountPath: "/a" }], volumeDevices: [{ name: "claim", devicePath: "/a" }] },
				`${at}[0].name: Invalid value: "claim": must not already exist in volumeDevices`,
				`${at}[0].mountPath: Invalid value: "/a": must not already exist as a path in volumeDevices`,
				`${container}.volumeDevices[0].name: Invalid value: "claim": must not already exist in volumeMounts`,
				`${container}.volumeDevices[0].devicePath: Invalid value: "/a": must not already exist as a path in volumeMounts`,
			],
		],
		(change, errors) => expect(problemsOf(change)).toEqual(errors),
	);
});

describe("devices", () => {
	const at = `${container}.volumeDevices`;
	eachRow(
		[
			[[{ name: "claim", devicePath: "/dev/a" }]],
			[
				[{ name: "v", devicePath: "/dev/a" }],
				`${at}[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode`,
			],
			[[{ name: "other", devicePath: "/dev/a" }], `${at}[0].name: Not found: "other"`],
			[[{ devicePath: "/dev/a" }], `${at}[0].name: Required value`, `${at}[0].name: Not found: ""`],
			[[{ name: "claim" }], `${at}[0].devicePath: Required value`],
			[[{ name: "claim", devicePath: "/dev/../a" }], `${at}[0].devicePath: Invalid value: "/dev/../a": can not contain backsteps ('..')`],
			[
				[
					{ name: "claim", devicePath: "/dev/a" },
					{ name: "claim", devicePath: "/dev/a" },
				],
				`${at}[1].name: Invalid value: "claim": must be unique`,
				`${at}[1].devicePath: Invalid value: "/dev/a": must be unique`,
			],
		],
		(change, errors) => expect(problemsOf({ volumeDevices: change })).toEqual(errors),
	);
});
