/** What the operations of OpenAPI are made of: which verb takes which parameters, and what streams are called. */
import type { Parameter } from "./parameters.ts";
import * as parameter from "./parameters.ts";

export const listParameters = [
	parameter.allowWatchBookmarks,
	parameter.continue_,
	parameter.fieldSelector,
	parameter.labelSelector,
	parameter.limit,
	parameter.resourceVersion,
	parameter.resourceVersionMatch,
	parameter.sendInitialEvents,
	parameter.timeoutSeconds,
	parameter.watch,
];
export const deleteParameters = [
	parameter.dryRun,
	parameter.gracePeriodSeconds,
	parameter.ignoreStoreReadError,
	parameter.orphanDependents,
	parameter.propagationPolicy,
];
export const deleteCollectionParameters = [
	...deleteParameters,
	...listParameters.filter((candidate) => candidate !== parameter.watch && candidate !== parameter.allowWatchBookmarks),
];
export const writeParameters = [parameter.dryRun, parameter.fieldManager, parameter.fieldValidation];
export const patchParameters = [parameter.dryRun, parameter.patchFieldManager, parameter.fieldValidation, parameter.force];

export const streamParameters: Readonly<Record<string, readonly Parameter[]>> = {
	"pods/log": [
		parameter.logContainer,
		parameter.follow,
		parameter.insecureSkipTlsVerifyBackend,
		parameter.limitBytes,
		parameter.pretty,
		parameter.previous,
		parameter.sinceSeconds,
		parameter.stream,
		parameter.tailLines,
		parameter.timestamps,
	],
	"pods/exec": [parameter.command, parameter.execContainer, parameter.execStderr, parameter.stdin, parameter.execStdout, parameter.execTty],
	"pods/attach": [parameter.attachContainer, parameter.attachStderr, parameter.attachStdin, parameter.attachStdout, parameter.attachTty],
	"pods/portforward": [parameter.ports],
	"pods/proxy": [parameter.podProxyPath],
	"services/proxy": [parameter.serviceProxyPath],
	"nodes/proxy": [parameter.nodeProxyPath],
};

export const streamKinds: Readonly<Record<string, string>> = {
	"pods/exec": "PodExecOptions",
	"pods/attach": "PodAttachOptions",
	"pods/portforward": "PodPortForwardOptions",
	"pods/proxy": "PodProxyOptions",
	"services/proxy": "ServiceProxyOptions",
	"nodes/proxy": "NodeProxyOptions",
};
export const proxyMethods: readonly ("delete" | "get" | "head" | "options" | "patch" | "post" | "put")[] = [
	"delete",
	"get",
	"head",
	"options",
	"patch",
	"post",
	"put",
];

/** Resources whose delete answers with the object that was deleted and not with a Status. */
export const deletesReturnObject = new Set([
	"pods",
	"podtemplates",
	"resourcequotas",
	"serviceaccounts",
	"services",
	"persistentvolumes",
	"persistentvolumeclaims",
	"deviceclasses",
	"resourceclaims",
	"resourceclaimtemplates",
	"resourceslices",
	"csidrivers",
	"csinodes",
	"storageclasses",
	"volumeattachments",
	"volumeattributesclasses",
]);
