import { expect, test } from "vitest";
import { newConflict } from "../../apimachinery/status-error.ts";
import { StoreUnavailableError } from "../../store/errors.ts";
import { GroupError } from "../../store/group.ts";
import { toStatusError } from "./errors.ts";

const cases: readonly (readonly [string, unknown, { code: number; reason?: string; message: string; isUnexpected: boolean }])[] = [
	[
		"an API error",
		newConflict({ group: "apps", resource: "deployments" }, "web", "changed"),
		{ code: 409, reason: "Conflict", message: 'Operation cannot be fulfilled on deployments.apps "web": changed', isUnexpected: false },
	],
	// As kube-apiserver passes on what etcd says: `Error from server: etcdserver: request timed out`.
	["a store that has no leader", new GroupError("timeout"), { code: 500, message: "etcdserver: request timed out", isUnexpected: false }],
	[
		"an etcd that does not answer",
		new StoreUnavailableError("etcdserver: no leader", undefined),
		{ code: 500, message: "etcdserver: no leader", isUnexpected: false },
	],
	[
		"the server's own fault",
		new TypeError("x is undefined"),
		{ code: 500, reason: "InternalError", message: "Internal error occurred: x is undefined", isUnexpected: true },
	],
];

test.each(cases)("%s", (_, error, { code, reason, message, isUnexpected }) => {
	const found = toStatusError(error);
	expect(found.isUnexpected).toBe(isUnexpected);
	expect(found.failure.status).toMatchObject({ code, message });
	expect(found.failure.status.reason).toBe(reason);
});
