/**
 * What clients hear when a pod's kubelet cannot be reached. kube-apiserver goes there in three ways, and each has its words:
 *
 *   log                          a plain GET                           Get "https://NODE:10250/containerLogs/…": dial tcp …
 *   exec, attach: v5 WebSocket   a client of its own, speaking SPDY    Internal error occurred: error sending request: Post "https://NODE:10250/exec/…": dial tcp …
 *   the rest                     passed on                             error dialing backend: dial tcp …
 *
 * Source: registry/generic/rest/streamer.go, util/proxy/streamtranslator.go (apiserver), transport/spdy (client-go),
 * util/proxy/upgradeaware.go (apimachinery), pkg/registry/core/pod/strategy.go (LogLocation, streamParams)
 */
import type { ContainerTarget, KubeletUnreachableError } from "../../apimachinery/node-connector.ts";
import { newInternalError, newUnknownError, type StatusError } from "../../apimachinery/status-error.ts";
import { readBoolean } from "../http/query-options.ts";
import type { CommandOptions } from "./remote-command.ts";

export function unreachableForLog(
	{ host, message }: KubeletUnreachableError,
	target: ContainerTarget,
	query: URLSearchParams,
): StatusError {
	const parameters = new URLSearchParams();
	for (const name of ["follow", "previous", "timestamps"]) if (readBoolean(query, name) === true) parameters.append(name, "true");
	for (const name of ["sinceSeconds", "sinceTime", "tailLines", "limitBytes"]) {
		const value = query.get(name);
		if (value !== null && value !== "") parameters.append(name, value);
	}
	return newUnknownError(`Get "${kubeletUrl(host, "containerLogs", target, parameters)}": ${message}`);
}

export function unreachableForTranslator(
	{ host, message }: KubeletUnreachableError,
	target: ContainerTarget,
	{ command, stdin, stdout, stderr, tty }: CommandOptions,
): StatusError {
	const parameters = new URLSearchParams();
	for (const [name, isSet] of Object.entries({ input: stdin, output: stdout, error: stderr, tty })) if (isSet) parameters.append(name, "1");
	for (const word of command ?? []) parameters.append("command", word);
	const url = kubeletUrl(host, command === undefined ? "attach" : "exec", target, parameters);
	return newInternalError(`error sending request: Post "${url}": ${message}`);
}

export function unreachableForProxy({ message }: KubeletUnreachableError): StatusError {
	return newUnknownError(`error dialing backend: ${message}`);
}

function kubeletUrl(host: string, verb: string, { namespace, pod, container }: ContainerTarget, parameters: URLSearchParams): string {
	const query = goQuery(parameters);
	return `https://${host}/${verb}/${namespace}/${pod}/${container}${query === "" ? "" : `?${query}`}`;
}

/** Sorted and escaped as by Go's url.Values.Encode. */
function goQuery(parameters: URLSearchParams): string {
	parameters.sort();
	return parameters.toString().replaceAll("*", "%2A").replaceAll("%7E", "~");
}
